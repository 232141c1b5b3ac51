#!/usr/bin/perl

# Copyright (C) Keepers

# The owner sets up sign-in codes, with the keyboard alone: scans, confirms,
# keeps the recovery codes, makes new ones, signs in with a code, switches it
# off; each state in light and dark, narrow to wide, without a finding of axe.
# So with the page that asks whether it is you.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Browser;
use Keepers::Test;
use Test::More;

my $p = start_platform();

browse('security.mjs', KEEPERS_URL => $p->{url},
       KEEPERS_EMAIL => $p->{owner_email},
       KEEPERS_PASSWORD => $p->{owner_password});

is(sql($p, 'SELECT count(*) FROM factors'), 0, 'nothing is left');

done_testing();
