#!/usr/bin/perl

# Copyright (C) Keepers

# What a fuzzer has found once, and the seeds of each target, still pass.

use strict;
use warnings;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";
my @programs = qx('$root/tools/unit.sh' replay);

is($?, 0, 'the fuzz targets compile without a warning');
chomp(@programs);

for my $program (@programs) {
    my ($name) = $program =~ m{fuzz_(\w+)$};
    my $corpus = "$FindBin::Bin/fuzz/corpus/$name";
    my @seeds = glob("'$corpus'/*");

    ok(@seeds > 0, "$name has a corpus") or next;

    my $said = qx('$root/$program' '$corpus' 2>&1);

    is($?, 0, "$name passes its corpus") or diag($said);
}

done_testing();
