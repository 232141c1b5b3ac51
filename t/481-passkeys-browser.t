#!/usr/bin/perl

# Copyright (C) Keepers

# The owner adds a passkey, keeps the recovery codes, signs in and proves it
# again with it, adds another and removes both: with Chromium's own
# authenticator, the keyboard alone where it matters, and without a finding of
# axe.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Browser;
use Keepers::Test;
use Test::More;

my $p = start_platform();

# A passkey is for a name; an address has none.
browse('passkeys.mjs', KEEPERS_URL => "http://localhost:$p->{nginx}{port}",
       KEEPERS_EMAIL => $p->{owner_email},
       KEEPERS_PASSWORD => $p->{owner_password});

is(sql($p, "SELECT count(*) FROM $_"), 0, "nothing is left of $_")
    for 'passkeys', 'recovery_codes', 'factors WHERE confirmed_ms > 0';

done_testing();
