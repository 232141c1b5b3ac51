package Keepers::Browser;

# Copyright (C) Keepers

# Runs a program of t/browser/ in Node.js, which drives headless Chromium, and
# turns its lines "ok NAME", "not ok NAME" and "# detail" into tests.
#
#     browse('journey.mjs', KEEPERS_URL => $p->{url}, ...);
#
# Pictures of what it saw are left in build/screens/.

use strict;
use warnings;

use Exporter qw(import);
use Fcntl qw(LOCK_EX);
use File::Compare qw(compare);
use File::Copy qw(copy);
use File::Path qw(make_path);
use Test::More ();

use Keepers::Test;

our @EXPORT = qw(browse);

my $root = $Keepers::Test::root;
my $modules = "$root/build/browser";
my $screens = "$root/build/screens";


sub browse {
    my ($program, %env) = @_;

    make_path($modules, $screens);
    packages() or die("npm ci brought no playwright-core and axe-core\n");

    local @ENV{keys %env} = values %env;
    local $ENV{KEEPERS_PACKAGES} = $modules;
    local $ENV{KEEPERS_SCREENS} = $screens;

    open(my $lines, '-|', 'node', "$root/t/browser/$program")
        or die("no Node.js: $!\n");

    my $last = '';

    while (my $line = <$lines>) {
        chomp $line;

        if ($line =~ /^(not )?ok (.+)/) {
            $last = $2;
            Test::More::ok(!$1, $last);

        } else {
            Test::More::diag($line);
        }
    }

    close($lines);
    Test::More::is($?, 0, 'the browser ends well');
    Test::More::is($last, 'the end', "$program is complete");
    return;
}


# npm works on a copy, for its folder of modules is not the project's; one
# test at a time.
sub packages {
    my $lock = 'package-lock.json';

    open(my $alone, '>', "$modules/.lock") or return 0;
    flock($alone, LOCK_EX) or return 0;

    return 1 if -d "$modules/node_modules"
                && compare("$root/t/browser/$lock", "$modules/.done") == 0;

    for my $name ('package.json', $lock) {
        copy("$root/t/browser/$name", "$modules/$name") or return 0;
    }

    my $said = qx(cd '$modules' && npm ci --no-audit --no-fund 2>&1);

    return Test::More::diag($said) && 0 if $?;
    return copy("$modules/$lock", "$modules/.done");
}


1;
