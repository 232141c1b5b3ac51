#!/usr/bin/perl

# Copyright (C) Keepers

# The mutants of t/mutants/ can be tried: what each of them changes is there,
# once, and so are the tests that must notice.  (./build.sh mutants tries them.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Mutants;
use Test::More;

my $root = "$FindBin::Bin/..";
my @mutants = mutants_read($root);
my %seen;

cmp_ok(scalar(@mutants), '>', 50, 'there are mutants');

for my $mutant (@mutants) {
    my @faults = mutant_faults($mutant, $root);

    push(@faults, "has the title of $seen{$mutant->{title}}")
        if $mutant->{title} && $seen{$mutant->{title}};
    $seen{$mutant->{title} // ''} = $mutant->{name};

    ok(@faults == 0, $mutant->{name}) or diag(join("\n", @faults));
}

done_testing();
