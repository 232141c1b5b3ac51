# Copyright (C) Keepers

# Rate limits, beside a bare answer, nginx's own limit_req and a limiter in Lua
# that asks Redis; see sessions.pl for what a case is.

use strict;
use warnings;

{
    cases => [
        [ 'limit',  'plain',  '/limit',     'content-phase 200: the limit' ],
        [ 'refuse', 'plain',  '/refuse',    'return 429', 429 ],
        [ 'alike',  'plain',  '/refuse_alike', 'return 429, our headers',
          429 ],
        [ 'deny',   'rules',  '/deny',      'refusal from the zone', 429 ],
        [ 'native', 'plain',  '/limit_req', 'limit_req of nginx' ],
        [ 'local',  'apart',  '/one',       'one rule, without Redis' ],
        [ 'check',  'rules',  '/session',   'session, Redis each time' ],
        [ 'both',   'rules',  '/both',      'session and one rule' ],
        [ 'one',    'rules',  '/one',       'one rule, Redis' ],
        [ 'three',  'rules',  '/three',     'three rules, Redis' ],
        [ 'lua',    'lua',    '/one',       'Lua: one rule, Redis' ],
    ],

    counted => 'both',

    targets => sub {
        my ($speed, $row) = @_;
        my $us = sub { $row->{$_[0]} ? $row->{$_[0]}{nginx_us} : undef };
        my $redis = sub { $row->{$_[0]} ? $row->{$_[0]}{redis_us} : undef };
        my $less = sub { defined $_[0] && defined $_[1] ? $_[0] - $_[1]
                                                        : undef };
        my $ratio = sub { defined $_[0] && defined $_[1] ? $_[0] / $_[1]
                                                         : undef };
        my $batch = main::median(map { $_->{batch} } @{$speed->{both}});

        my ($native, $native_how) = main::throughput($speed, 'local',
                                                     'native');
        my ($lua, $lua_how) = main::throughput($speed, 'one', 'lua');

        return (
            [ 'refusal from the zone: us over the same answer', '%.2f',
              $less->($us->('deny'), $us->('alike')), 'max', 0.5 ],
            [ 'session and a rule: CPU to the session alone', '%.2f',
              $ratio->($us->('both'), $us->('check')), 'max', 1.15 ],
            [ 'one rule: us of Redis', '%.1f', $redis->('one'), 'max', 6 ],
            [ 'three rules: us of Redis', '%.1f', $redis->('three'), 'max',
              13 ],
            [ "one rule: throughput to Lua$lua_how", '%.2f', $lua, 'min', 2 ],
            [ "without Redis: throughput to limit_req$native_how", '%.2f',
              $native, 'min', 0.8 ],
            [ 'session and a rule: commands a write', '%.1f', $batch, 'min',
              6 ],
        );
    },
};
