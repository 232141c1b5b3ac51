#!/usr/bin/perl

# Copyright (C) Keepers

# Somebody has forgotten a password, and sets another one by a link in a mail,
# in a browser: each state in light and dark, narrow to wide, without a finding
# of axe; what went wrong has the focus; no request tells another site, or our
# own, of the token; and all of it goes without JavaScript.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Browser;
use Keepers::Mail;
use Keepers::Test;
use Test::More;

my $p = start_platform();

browse('reset.mjs', KEEPERS_URL => $p->{url}, KEEPERS_MAIL => $p->{mail},
       KEEPERS_EMAIL => $p->{owner_email});

# what END looks for in all logs
canary($_->{token}) for grep { $_->{token} } mails($p->{mail});
canary('canary-galao-5Jk');
is(scalar(grep { $_->{token} } mails($p->{mail})), 2, 'two links were sent');

done_testing();
