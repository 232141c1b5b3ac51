#!/usr/bin/perl

# Copyright (C) Keepers

# A flood of sign-ins with wrong passwords, each at another account and from
# another network, and what it does to who asks for a protected page and for a
# link page at a modest rate: rounds with and without it take turns, and of each
# kind the best one counts, for whatever else the machine does only slows one
# down.  Fails if it does too much.  Started by ./build.sh flood [ROUNDS].
#
# Limits and costs are those of a host who has changed nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Process;
use Keepers::Test;
use Keepers::Distance;
use Test::More;
use Time::HiRes qw(sleep time);


my $ROUND_S = 5;
my $RATE = 50;                  # of each page, in a second
my $FLOOD = 2000;
my $CONNECTIONS = 400;
my $PAUSE_MS = 150;              # of each: the queue of hashes holds some up
my ($rounds) = (@ARGV, 4);

my $p = start_platform(conf => sub {
    my ($file) = @_;

    spew($file, slurp($file)
        =~ s{(server_name  _;)}{$1 set_real_ip_from 127.0.0.1;
                                real_ip_header X-Client;}r, 0644);
});
my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
               @{sign_in($p)->cookie_jar->all};
my %page = ('a protected page' => '/dashboard/',
            'a link page' => '/l/corner-coffee');
my (%socket, %best);
my $asked = 0;


# One of so many connections asks, waits for its answer and for a while.
my $script = spew(work_dir() . '/flood.lua', <<"END");
local n, id = 0, 0

function setup(thread)
    id = id + 1
    thread:set("id", id)
end

function init()
    math.randomseed(id * 7919 + os.time())
end

function delay()
    return math.random(0, 2 * $PAUSE_MS)
end

function request()
    n = n + 1
    return wrk.format("POST", "/signin", {
        ["X-Client"] = string.format("10.%d.%d.%d", math.random(0, 255),
                                     math.random(0, 255), math.random(1, 254)),
        ["Sec-Fetch-Site"] = "same-origin",
        ["Content-Type"] = "application/x-www-form-urlencoded"
    }, string.format("email=nobody-%d-%d%%40example.org&password=wrong", id,
                     math.random(0, 1e9)))
end

END


# Its time in ms; from a network of its own, so that no limit counts it.
sub ask {
    my ($name) = @_;
    my $request = join("\r\n", "GET $page{$name} HTTP/1.1", 'Host: x',
        sprintf('X-Client: 11.%d.%d.1', ++$asked / 250 % 250, $asked % 250),
        "Cookie: keepers=$cookie", '', '');

    for (1 .. 2) {
        $socket{$name} //= listens($p->{nginx}{port}) or die("nginx: $!\n");

        my $began = time();
        my $answer = eval { exchange($socket{$name}, $request) };

        if (defined $answer && $answer =~ m{^HTTP/1\.1 200 }) {
            return 1000 * (time() - $began);
        }

        # nginx closes a connection after a thousand requests
        die("$name: $answer\n") if defined $answer;
        delete $socket{$name};
    }

    die("$name: no answer\n");
}


# p50, p99 and the worst of each page, in ms.
sub look {
    my %ms;
    my $began = time();

    for my $i (0 .. $ROUND_S * $RATE - 1) {
        my $left_s = $began + $i / $RATE - time();

        sleep($left_s) if $left_s > 0;
        push(@{$ms{$_}}, ask($_)) for sort keys %page;
    }

    return map {
        my @sorted = sort { $a <=> $b } @{$ms{$_}};

        ($_ => [@sorted[map { $_ * $#sorted } 0.5, 0.99, 1]])
    } keys %ms;
}


sub keep {
    my ($kind, %look) = @_;

    for my $name (keys %look) {
        my $best = $best{$name}{$kind};

        $best{$name}{$kind} = $look{$name}
            if !$best || $look{$name}[1] < $best->[1];
    }

    return;
}


# How many sign-ins of each verdict there were.
sub verdicts {
    my $text = ua()->get("$p->{url}/keepers/status")->res->body;
    my %n = $text =~ /^keepers_signins_total\{verdict="(\w+)"\} (\d+)$/mg;

    return \%n;
}


sub flood {
    my $pid = fork() // die("fork: $!\n");

    if ($pid == 0) {
        open(STDOUT, '>', work_dir() . '/wrk.out');
        open(STDERR, '>&', \*STDOUT);
        exec('wrk', '-t', 1, '-c', $CONNECTIONS, '-d', $ROUND_S + 2, '-s',
             $script, $p->{url}) or POSIX::_exit(127);
    }

    sleep(1);

    my ($before, $began) = (verdicts(), time());
    my %look = look();
    my ($after, $took_s) = (verdicts(), time() - $began);

    waitpid($pid, 0);

    my %n = map { $_ => $after->{$_} - $before->{$_} } keys %$after;
    my $sum = 0;

    $sum += $_ for values %n;
    note(sprintf('%.0f sign-ins a second: ', $sum / $took_s)
         . join(', ', map { "$n{$_} $_" } grep { $n{$_} } sort keys %n));
    $best{rate} = $sum / $took_s if $sum / $took_s > ($best{rate} // 0);
    return %look;
}


look();

for my $round (1 .. $rounds) {
    keep(without => look());
    keep(with => flood());
    sleep(1);
}

for my $name (sort keys %page) {
    my $of = $best{$name};

    note(sprintf('%-16s %-8s p50 %.2f ms, p99 %.2f ms, worst %.2f ms', $name,
                 $_, @{$of->{$_}})) for qw(without with);
    cmp_ok($of->{with}[1], '<', $of->{without}[1] + 25,
           sprintf('%s: p99 %.2f ms, %.2f ms with the flood', $name,
                   $of->{without}[1], $of->{with}[1]));
}

cmp_ok($best{rate}, '>', 0.75 * $FLOOD,
       sprintf('of %.0f sign-ins a second', $best{rate}));
ok((wait_for { eval { sign_in($p) } } 60), 'then one can sign in');
done_testing();
