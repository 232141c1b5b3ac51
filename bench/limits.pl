# Copyright (C) Keepers

# Rate limits, beside a bare answer, nginx's own limit_req and a limiter in Lua
# that asks Redis; see sessions.pl for what a case is.

use strict;
use warnings;

use FindBin;
use IO::Socket::UNIX;

use lib "$FindBin::Bin/../t/lib";
use Keepers::Scripts qw(script_text);


sub encode { return join('', '*' . @_ . "\r\n",
                         map { '$' . length($_) . "\r\n$_\r\n" } @_) }

# Microseconds of Redis for a call, a hundred of them a write; its replies begin
# with $begin.
sub script_us {
    my ($socket, $text, $begin, @arguments) = @_;
    my ($calls, $rounds) = (100, 300);
    my $reader = '';

    print $socket encode('SCRIPT', 'LOAD', $text);
    sysread($socket, $reader, 1024);

    my ($sha) = $reader =~ /([0-9a-f]{40})/ or die "bench: $reader";
    my $call = encode('EVALSHA', $sha, @arguments) x $calls;
    my $before = main::redis_ns();

    for (1 .. $rounds) {
        my $got = 0;

        print $socket $call;

        while ($got < $calls) {
            sysread($socket, my $some, 65536) or die 'bench: Redis is gone';
            $got += () = $some =~ /^\Q$begin\E/mg;
        }
    }

    return (main::redis_ns() - $before) / 1000 / $calls / $rounds;
}

# Redis' time for one rule and for three, in shortest scripts.
sub scripts {
    my $ours = script_text('LIMIT');
    my ($shortest) = main::read_file("$main::here/limit.lua")
                         =~ /\[\[\n(.*?)\]\]/s;
    my $socket = IO::Socket::UNIX->new(main::redis_socket()) or die $!;
    my @keys = map { "keepers:{abcdefghijklmnopqrstu$_}:l:rule" } 1 .. 3;
    my @rule = (1, 999_999, 1, 0);
    my @us = ([], [], []);

    for (1 .. 5) {
        push(@{$us[0]}, script_us($socket, $shortest, ':', 1, 'key',
                                 1, 1_000_000));
        push(@{$us[1]}, script_us($socket, $ours, ':', 1, $keys[0], @rule));
        push(@{$us[2]}, script_us($socket, $ours, '*', 3, @keys,
                                 (@rule) x 3));
    }

    my ($short, $one, $three) = map { main::median(@$_) } @us;

    printf "Redis, us a call: shortest script %.2f, one rule %.2f, "
           . "three %.2f\n\n", $short, $one, $three;

    return ($one / $short, $three / $short);
}


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

    # who is limited before he signs in has no cookie of ours
    sessions => ['check', 'both'],

    # Redis needs as long for a rule as the worker does, and shares a processor
    # with wrk: with half of its own, the worker is what everybody waits for
    halved => 1,

    # as many as keep it busy while the busy loop has its turn of some ms
    connections => 256,

    targets => sub {
        my ($speed, $row) = @_;
        my $us = sub { $row->{$_[0]} ? $row->{$_[0]}{nginx_us} : undef };
        my $less = sub { defined $_[0] && defined $_[1] ? $_[0] - $_[1]
                                                        : undef };
        my $ratio = sub { defined $_[0] && defined $_[1] ? $_[0] / $_[1]
                                                         : undef };
        my $batch = main::median(map { $_->{batch} } @{$speed->{both}});

        my ($native, $native_how) = main::throughput($speed, 'local',
                                                     'native');
        my ($lua, $lua_how) = main::throughput($speed, 'one', 'lua');
        my ($one, $three) = scripts();

        return (
            [ 'refusal from the zone: us over the same answer', '%.2f',
              $less->($us->('deny'), $us->('alike')), 'max', 0.5 ],
            [ 'session and a rule: CPU to the session alone', '%.2f',
              $ratio->($us->('both'), $us->('check')), 'max', 1.15 ],
            [ 'one rule: Redis, in shortest scripts', '%.2f', $one, 'max',
              1.15 ],
            [ 'three rules: Redis, in shortest scripts', '%.2f', $three,
              'max', 2.5 ],
            [ "one rule: throughput to Lua$lua_how", '%.2f', $lua, 'min', 2 ],
            [ "without Redis: throughput to limit_req$native_how", '%.2f',
              $native, 'min', 0.8 ],
            [ 'session and a rule: commands a write', '%.1f', $batch, 'min',
              6 ],
        );
    },
};
