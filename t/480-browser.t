#!/usr/bin/perl

# Copyright (C) Keepers

# A customer joins through the link, on a phone without JavaScript, and the
# business signs in and sees the row; the dashboard and the sign-in page are
# held to their policy and to WCAG 2.2 AA (axe), in light and dark, narrow to
# wide.  (Each state of the link's pages: 485.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Browser;
use Keepers::Test;
use Test::More;

# A piece of the customer's name, and of the search for it, in any encoding.
canary('szegi');

my $platform = start_platform();

browse('journey.mjs', KEEPERS_URL => $platform->{url},
       KEEPERS_LINK_URL => $platform->{link_url},
       KEEPERS_EMAIL => $platform->{owner_email},
       KEEPERS_PASSWORD => $platform->{owner_password});

done_testing();
