# Copyright (C) Keepers

# What a session check that finds its session in the zone leaves of the
# throughput: each round has the bare answer and the check side by side, once
# with one worker and once with two, and its ratio is taken by itself; see
# sessions.pl for what a case is.

use strict;
use warnings;

{
    cases => [
        [ 'limit',  'plain',  '/limit', 'content-phase 200, one worker' ],
        [ 'hit',    'hit',    '/hit',   'session from the zone' ],
        [ 'limit2', 'plain2', '/limit', 'content-phase 200, two workers' ],
        [ 'hit2',   'hit2',   '/hit',   'session from the zone' ],
    ],

    rounds => 24,

    targets => sub {
        my ($speed) = @_;
        my $kept = sub {
            my ($with, $without) = map { $speed->{$_} // [] } @_;
            my $last = $#$with < $#$without ? $#$with : $#$without;

            return main::median(map { $with->[$_]{rate}
                                      / $without->[$_]{rate} } 0 .. $last);
        };

        return (
            [ 'a hit: throughput to the limit, in pairs', '%.3f',
              $kept->('hit', 'limit'), 'min', 0.94 ],
            [ 'the same with two workers', '%.3f',
              $kept->('hit2', 'limit2'), 'min', 0.94 ],
        );
    },
};
