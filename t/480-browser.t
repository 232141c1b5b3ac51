#!/usr/bin/perl

# Copyright (C) Keepers

# A customer joins through the link, on a phone without JavaScript, and the
# business signs in and sees the row; every page of the way is held to its
# policy and to WCAG 2.2 AA (axe), in light and dark, narrow to wide.
# Pictures of all of it are left in build/screens/.

use strict;
use warnings;

use File::Compare qw(compare);
use File::Copy qw(copy);
use File::Path qw(make_path);
use FindBin qw($Bin);
use Test::More;

use lib "$Bin/lib";

use Keepers::Test;

my $root = "$Bin/..";
my $modules = "$root/build/browser";
my $screens = "$root/build/screens";

make_path($modules, $screens);


# npm works on a copy, for its folder of modules is not the project's.
sub packages {
    my $lock = 'package-lock.json';

    return 1 if -d "$modules/node_modules"
                && compare("$Bin/browser/$lock", "$modules/.done") == 0;

    for my $name ('package.json', $lock) {
        copy("$Bin/browser/$name", "$modules/$name") or return 0;
    }

    my $said = qx(cd '$modules' && npm ci --no-audit --no-fund 2>&1);

    return diag($said) && 0 if $?;
    return copy("$modules/$lock", "$modules/.done");
}


packages() or die("npm ci brought no playwright-core and axe-core\n");

# A piece of the customer's name, and of the search for it, in any encoding.
canary('szegi');

my $platform = start_platform();

local $ENV{KEEPERS_URL} = $platform->{url};
local $ENV{KEEPERS_LINK_URL} = $platform->{link_url};
local $ENV{KEEPERS_EMAIL} = $platform->{owner_email};
local $ENV{KEEPERS_PASSWORD} = $platform->{owner_password};
local $ENV{KEEPERS_PACKAGES} = $modules;
local $ENV{KEEPERS_SCREENS} = $screens;

open(my $journey, '-|', 'node', "$Bin/browser/journey.mjs")
    or die("no Node.js: $!\n");

my $last = '';

while (my $line = <$journey>) {
    chomp $line;

    if ($line =~ /^(not )?ok (.+)/) {
        $last = $2;
        ok(!$1, $last);

    } else {
        diag($line);
    }
}

close($journey);
is($?, 0, 'the browser ends well');
is($last, 'the end', 'the journey is complete');

done_testing();
