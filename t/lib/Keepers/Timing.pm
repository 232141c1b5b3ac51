package Keepers::Timing;

# Copyright (C) Keepers

# Whether things take equally long, on a machine that has other work.

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(max shuffle);
use Test::More;
use Time::HiRes qw(time);

our @EXPORT_OK = qw(alike);


use constant { ROUNDS => 40, TRIES => 5, WITHIN => 0.2 };


# Fails if a case takes longer, or less long, than the case $as.  A case is name
# => sub that makes ready and returns what is timed.  What else the machine does
# only adds to a time, and never to one case alone for long: so the shorter
# times are compared, and more are taken when they differ.  What a case does or
# spares itself shows each time.
sub alike {
    my ($as, %case) = @_;
    my (%ms, %least, $apart);

    for (1 .. TRIES) {
        for (1 .. ROUNDS) {
            # in any order: what one leaves to be done, the next may wait for
            for my $name (shuffle(keys %case)) {
                my $timed = $case{$name}->();
                my $since = time();

                $timed->();
                push(@{$ms{$name}}, (time() - $since) * 1000);
            }
        }

        %least = map { $_ => (sort { $a <=> $b } @{$ms{$_}})[@{$ms{$_}} / 7]
                     } keys %ms;
        $apart = max(map { abs($_ - $least{$as}) / $least{$as} } values %least);

        last if $apart < WITHIN;
        %ms = ();
    }

    return cmp_ok($apart, '<', WITHIN, "no longer, no less long than $as")
           || diag(join(', ', map { sprintf('%s %.2f ms', $_, $least{$_}) }
                                  sort keys %least));
}


1;
