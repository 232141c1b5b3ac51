#!/usr/bin/perl

# Copyright (C) Keepers

# An owner sees where she is signed in, and ends it there; makes a token for a
# machine, sees it once, and ends it: in a browser, with its keyboard, held to
# the policy of the page and to WCAG 2.2 AA (axe).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Browser;
use Keepers::Test;
use Test::More;


my $p = start_platform();
my ($business) = slurp("$p->{dir}/owner.env") =~ /^BUSINESS=(.*)/m;
my ($status, $words) = operator($p, "$p->{owner_password}\n",
                                qw(account add --role staff --business-id),
                                $business, '--email', 'staff@canary.example');

is($status, 0, 'somebody who is no owner') or diag($words);

browse('access.mjs', KEEPERS_URL => $p->{url},
       KEEPERS_EMAIL => $p->{owner_email},
       KEEPERS_PASSWORD => $p->{owner_password},
       KEEPERS_STAFF_EMAIL => 'staff@canary.example');

done_testing();
