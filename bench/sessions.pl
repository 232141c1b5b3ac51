# Copyright (C) Keepers

# The session check, beside a bare answer and the tuned Lua way.
#
# A case: name, nginx, path, words, status (200).  Each nginx has just the
# modules it needs: what is compared must not pay for others.

use strict;
use warnings;

{
    cases => [
        [ 'return', 'plain', '/return', 'return 200 (rewrite phase)' ],
        [ 'limit',  'plain', '/limit',  'content-phase 200: the limit' ],
        [ 'hit',    'hit',   '/hit',    'session check, cache hit' ],
        [ 'redis',  'redis', '/redis',  'session check, Redis each time' ],
        [ 'tls',    'tls',   '/tls',    'the same, Redis over TLS' ],
        [ 'lua',    'lua',   '/lua',    'Lua: GET and cjson' ],
    ],

    # whose commands and writes are counted
    counted => 'redis',

    targets => sub {
        my ($speed, $row) = @_;
        my $n = sub { $row->{$_[0]} ? $row->{$_[0]}{count} : undef };
        my $batch = main::median(map { $_->{batch} } @{$speed->{redis}});
        my $each = $speed->{redis}
                   ? main::median(map { $_->{commands} / $_->{requests} }
                                      @{$speed->{redis}}) : undef;
        my $over = defined $n->('hit') && defined $n->('limit')
                   ? $n->('hit') - $n->('limit') : undef;

        my ($limit, $limit_how) = main::throughput($speed, 'redis', 'limit');
        my ($lua, $lua_how) = main::throughput($speed, 'redis', 'lua');

        return (
            [ 'hit: instructions over the limit', '%.0f', $over, 'max', 1500 ],
            [ 'Redis each time: instructions in all', '%.0f', $n->('redis'),
              'max', 18500 ],
            [ "Redis each time: throughput to the limit$limit_how", '%.2f',
              $limit, 'min', 0.70 ],
            [ "Redis each time: throughput to Lua$lua_how", '%.2f',
              $lua, 'min', 2.2 ],
            [ 'Redis each time: commands a write', '%.1f', $batch, 'min', 6 ],
            [ 'Redis each time: commands a request', '%.2f', $each, 'max',
              1.05 ],
        );
    },
};
