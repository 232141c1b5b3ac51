#!/usr/bin/perl

# Copyright (C) Keepers

# Each function of core/ does what its header says, under sanitizers.

use strict;
use warnings;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";
my @programs = qx('$root/tools/unit.sh' unit);

is($?, 0, 'core/ and its tests compile without a warning')
    or BAIL_OUT('the unit tests do not compile');
chomp(@programs);

$ENV{CMOCKA_MESSAGE_OUTPUT} = 'TAP';
$ENV{UBSAN_OPTIONS} = 'print_stacktrace=1';

for my $program (@programs) {
    my ($name) = $program =~ m{test_(\w+)$};

    subtest $name => sub {
        open(my $run, '-|', "'$root/$program' 2>&1") or die("$program: $!\n");

        while (my $line = <$run>) {
            if ($line =~ /^(not )?ok \d+ - (\S+)/) {
                ok(!$1, $2);

            } elsif ($line !~ /^(?:1\.\.\d|#? ?ok\b|# \d+ of )/) {
                chomp($line);
                $line =~ /^#?\s*$/ or diag($line);
            }
        }

        close($run);
        is($? >> 8 || $?, 0, 'the program ends well');
    };
}

done_testing();
