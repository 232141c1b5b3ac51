#!/usr/bin/perl

# Copyright (C) Keepers

# The mutants of t/mutants/ can be tried: what each of them changes is there,
# once, and so are the tests that must notice.  (./build.sh mutants tries them.)
# The page that says which of them stands for which promise names those tests.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Mutants;
use Test::More;

my $root = "$FindBin::Bin/..";
my @mutants = mutants_read($root);
my %tests = map { $_->{name} => $_->{tests} } @mutants;
my %seen;

cmp_ok(scalar(@mutants), '>', 50, 'there are mutants');

for my $mutant (@mutants) {
    my @faults = mutant_faults($mutant, $root);

    push(@faults, "has the title of $seen{$mutant->{title}}")
        if $mutant->{title} && $seen{$mutant->{title}};
    $seen{$mutant->{title} // ''} = $mutant->{name};

    ok(@faults == 0, $mutant->{name}) or diag(join("\n", @faults));
}

subtest('which stands for what'
        => sub { page("$root/docs/internals/faults.md") });

done_testing();


# "| promise | `name`, `name` | t/NNN, t/unit |"
sub page {
    my ($file) = @_;
    my $rows = 0;

    open(my $in, '<', $file) or die("$file: $!\n");

    while (my $line = <$in>) {
        my ($promise, $names, $named)
            = $line =~ /^\| (.+?) \| (`.+`) \| (.+) \|$/ or next;
        my @names = $names =~ /`([^`]+)`/g;
        my %short = map { m{^(t/(?:unit|\d{3}))} => 1 }
                    map { @{$tests{$_} // []} } @names;

        is(join(' ', grep { !$tests{$_} } @names), '', "$promise: are faults");
        is($named, join(', ', sort keys %short), "$promise: their tests");
        $rows++;
    }

    cmp_ok($rows, '>', 100, 'a table');
    return;
}
