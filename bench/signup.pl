#!/usr/bin/perl
#
# Copyright (C) Keepers
#
# Signups a second, from the client to the disk and back, beside what else
# could take them; then what a signup costs, part by part.  Started by
# tools/bench.sh --suite signup; see docs/performance.md.
#
#     bench/signup.pl --writer FILE --parts FILE --null FILE --peer DIR --dir DIR
#         [--quick] [--check] [--only CASE[,CASE]] [--no-load | --no-count]
#
# All processes share all processors, as they do on a host that has just one
# machine: nobody knows beforehand which of them will need one for itself.

use strict;
use warnings;

use Cwd qw(abs_path);
use FindBin;
use Getopt::Long;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

use lib $FindBin::Bin;
use Bench;

my %o;

GetOptions(\%o, 'writer=s', 'parts=s', 'null=s', 'peer=s', 'dir=s', 'quick',
           'check', 'only=s', 'load!', 'count!')
    or die "bench: unknown argument\n";

my $here = $FindBin::Bin;
my $path = '/l/corner-coffee-club';
my @connections = (1, 16, 64, 256);
my ($rounds, $seconds) = $o{quick} ? (2, 1) : (5, 2);

# Each: name, words, whose time is counted beside nginx's and Redis'.
my @cases = (
    [ 'ours',  'Keepers',                    'writer' ],
    [ 'null',  'nginx and evhttp, no work',  'null' ],
    [ 'peer',  'nginx, fastify, SQLite',     'peer' ],
    [ 'batch', 'fastify, commits batched',   'batch' ],
);

if (defined $o{only}) {
    my %only = map { $_ => 1 } split /,/, $o{only};

    @cases = grep { $only{$_->[0]} } @cases or die "bench: no such case\n";
}

$dir = abs_path($o{dir}) . '/signup';

my $run = 0;
my (%port, %nginx);

prepare();

my $speed = ($o{load} // 1) ? load() : {};
my $count = ($o{count} // 1) ? instructions() : {};

stop($_) for keys %pid;

my $alone = alone();
my $missed = report();

exit($o{check} && $missed ? 1 : 0);


sub has { my ($name) = @_; return scalar grep { $_->[0] eq $name } @cases }


# The demo, with limits that are asked and refuse nobody, and no access log, for
# the others write none.

sub prepare {
    system('rm', '-rf', $dir) == 0 or die "bench: $dir stays\n";
    mkdir $dir or die "bench: $dir: $!\n";
    mkdir "$dir/tmp";

    $port{ours} = free_port();
    run("KEEPERS_WRITER=$o{writer} $here/../tools/demo-setup.sh $dir "
        . "$port{ours}");

    for my $file ('keepers-limits', 'nginx', 'keepers-locations') {
        my $text = read_file("$dir/conf/$file.conf");

        $text =~ s{rate=\d+/[a-z]+ burst=\d+}{rate=1000000/s burst=1000000}g;
        $text =~ s/^worker_processes .*$/worker_processes 1;/m;
        $text =~ s/^daemon .*$//m;
        $text =~ s/^( *)access_log .*$/$1access_log off;/m;
        $text =~ s/^( *)(sendfile .*)$/$1$2\n$1keepalive_requests 1000000000;/m;

        write_file("$dir/conf/$file.conf", $text);
    }

    # as it is before any signup
    system('cp', '-r', "$dir/data", "$dir/begun") == 0
        or die "bench: $dir/data cannot be copied\n";

    start('redis', undef, 'redis-server', "$dir/conf/redis.conf");
    start('redis-peer', undef, 'redis-server', '--port', 0, '--unixsocket',
          "$dir/peer-redis.sock", '--save', '', '--appendonly', 'yes',
          '--dir', $dir, '--logfile', "$dir/peer-redis.log")
        if has('peer') || has('batch');

    wait_for('Redis', sub { IO::Socket::UNIX->new("$dir/run/redis.sock") });
    start_writer();
    start_nginx('ours', "$dir/conf/nginx.conf", 'daemon off;');

    if (has('null')) {
        start('null', undef, $o{null}, "$dir/null.sock");
        start_proxy('null');
    }

    if (has('peer')) {
        start_peer('peer', 'each', "$dir/peer.sock");
        wait_for('fastify', sub { -S "$dir/peer.sock" });
        start_proxy('peer');
    }

    if (has('batch')) {
        $port{batch} = free_port();
        start_peer('batch', 'batch', $port{batch});
    }

    expect($_->[0]) for @cases;
}


sub start_writer {
    my (@under) = @_;

    unlink "$dir/run/writer.sock";
    start('writer', undef, @under, $o{writer}, '--config',
          "$dir/conf/writer.ini");
    wait_for('the writer', sub { -S "$dir/run/writer.sock" });
}


sub start_peer {
    my ($name, $mode, $listen) = @_;

    start($name, undef, 'env', "NODE_PATH=$o{peer}/node_modules", 'node',
          "$here/signup/peer.js", $mode, $listen, "$dir/$name.db",
          "$dir/peer-redis.sock");
}


sub start_proxy {
    my ($name) = @_;

    $port{$name} = free_port();

    my %value = (DIR => $dir, NAME => $name, PORT => $port{$name},
                 SOCKET => "$dir/$name.sock",
                 USER => $> == 0 ? 'user root;' : '');
    my $text = read_file("$here/signup/proxy.conf")
               =~ s/\@([A-Z]+)\@/$value{$1}/gr;

    write_file("$dir/$name.conf", $text);
    start_nginx($name, "$dir/$name.conf", '');
}


sub start_nginx {
    my ($name, $conf, $globals, @under) = @_;

    start("nginx-$name", undef, @under, nginx(), '-p', "$dir/nginx", '-e',
          "$dir/$name.log", '-c', $conf, $globals ? ('-g', $globals) : ());
    wait_for("nginx ($name)",
             sub { IO::Socket::INET->new("127.0.0.1:$port{$name}") });
}


# Until a signup is taken: Redis, links and writer have found each other.

sub expect {
    my ($name) = @_;
    my $answer = '';

    wait_for("a 202 from $name", sub {
        my $socket = IO::Socket::INET->new("127.0.0.1:$port{$name}")
            or return 0;
        my $n = ++$run;
        my $body = qq({"name":"Ada Lovelace","email":"e$n\@mail.example",)
                   . '"consent_email":true}';

        print $socket "POST $path HTTP/1.1\r\nHost: localhost\r\n"
                      . "Content-Type: application/json\r\n"
                      . "Idempotency-Key: expected-0123456789-$n\r\n"
                      . 'Content-Length: ' . length($body) . "\r\n"
                      . "Connection: close\r\n\r\n$body";

        local $/;
        $answer = <$socket> // '';

        return $answer =~ m{^HTTP/1.1 202 };
    }, sub { $answer });
}


sub load {
    my %samples;

    wrk($_->[0], 16, 1) for @cases;

    for my $round (1 .. $rounds) {
        print STDERR "bench: round $round of $rounds\n";

        for my $n (@connections) {
            # every other round backwards, so that a drift favours nobody
            for my $case ($round % 2 ? @cases : reverse @cases) {
                push @{$samples{$case->[0]}{$n}}, measure($case, $n);
            }
        }
    }

    return \%samples;
}


sub measure {
    my ($case, $n) = @_;
    my ($name, undef, $store) = @$case;
    my %who = (store => $pid{$store},
               redis => $pid{$name eq 'ours' ? 'redis' : 'redis-peer'});

    ($who{nginx}) = workers("nginx-$name") if $pid{"nginx-$name"};
    delete $who{redis} if $name eq 'null';

    my %before = map { $_ => cpu_ns($who{$_}) } keys %who;
    my $result = wrk($name, $n, $seconds);

    $result->{"${_}_us"} = (cpu_ns($who{$_}) - $before{$_}) / 1000
                           / $result->{requests}
        for keys %who;

    return $result;
}


sub wrk {
    my ($name, $n, $duration) = @_;

    # one number a run and a case, and never one of an earlier bench
    my $id = sprintf('%d%03d', time, ++$run % 1000);
    my $text = run("BENCH_RUN=$id timeout " . ($duration + 20)
                   . " wrk -t 1 -c $n -d ${duration}s --timeout 10s "
                   . "-s $here/signup/load.lua "
                   . "http://127.0.0.1:$port{$name}$path");
    my ($requests, $us, $p50, $p99, $refused, $broken)
        = $text =~ /^bench (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/m
        or die "bench: wrk says:\n$text";

    die "bench: $name: $refused answers were no 2xx, $broken came not\n"
        if $refused || $broken;

    return { requests => $requests, rate => $requests / $us * 1e6,
             p50 => $p50 / 1000, p99 => $p99 / 1000 };
}


# Of nginx with one connection, of the writer with 64: the difference of a long
# and a short run leaves out what start and end cost.

sub instructions {
    return {} if !has('ours');

    my %count;

    stop('nginx-ours');
    $count{nginx} = callgrind('nginx', 1, sub {
        start_nginx('ours', "$dir/conf/nginx.conf",
                    'daemon off; master_process off;', @_);
    }, 'nginx-ours');

    start_nginx('ours', "$dir/conf/nginx.conf", 'daemon off;');

    stop('writer');
    $count{writer} = callgrind('writer', 64, sub { start_writer(@_) },
                               'writer');

    return \%count;
}


sub callgrind {
    my ($what, $n, $start, $process) = @_;
    my (@total, @requests);

    for my $long ($o{quick} ? (2, 5) : (4, 12)) {
        my $out = "$dir/callgrind.$what.$long";

        print STDERR "bench: counting instructions of $what, $long s\n";

        $start->('valgrind', '--tool=callgrind', '-q',
                 "--callgrind-out-file=$out");
        expect('ours');
        push @requests, wrk('ours', $n, $long)->{requests};
        stop($process);

        my ($sum) = read_file($out) =~ /^(?:summary|totals): (\d+)/m
            or die "bench: no total in $out\n";

        push @total, $sum;
    }

    return ($total[1] - $total[0]) / ($requests[1] - $requests[0]);
}


# What needs no client: medians of five, by turns.  Both of those that are
# compared begin with a database that has next to nothing in it, and SQLite gets
# batches as large as the committer has made of 64 that wait.

sub alone {
    my $conf = "$dir/conf/alone.ini";
    my %all;

    return {} if !has('ours');

    write_file($conf, read_file("$dir/conf/writer.ini")
                      =~ s{/data/keepers\.db}{/alone/keepers.db}r);
    chmod 0600, $conf;

    for my $turn (1 .. 5) {
        system('rm', '-rf', "$dir/alone");
        system('cp', '-r', "$dir/begun", "$dir/alone") == 0
            or die "bench: $dir/begun cannot be copied\n";
        push @{$all{seal}}, run("$o{parts} seal $conf");

        my ($rate, $size) = split ' ', run("$o{parts} commit $conf 64");

        push @{$all{commit}}, $rate;
        push @{$all{size}}, $size;

        for my $batch (1, sprintf('%.0f', $size)) {
            unlink glob "$dir/rows.db*";

            my $rows = run("$o{parts} rows $dir/rows.db $batch");

            push @{$all{$batch == 1 ? 'rows 1' : 'rows'}}, $rows;
            push @{$all{ratio}}, $rate / $rows if $batch != 1;
        }
    }

    return { map { $_ => median(@{$all{$_}}) } keys %all };
}


sub report {
    for my $n (%$speed ? @connections : ()) {
        printf "\n%-28s %8s %6s %8s %8s %7s %7s %7s\n",
               "$n connections", 'a second', 'ours/', 'p50 ms', 'p99 ms',
               'nginx', 'store', 'Redis';

        for my $case (@cases) {
            my ($name, $words) = @$case;
            my $best = best($speed->{$name}{$n});
            my %us = map { my $k = "${_}_us";
                           $_ => median(map { $_->{$k} }
                                            @{$speed->{$name}{$n}}) }
                         qw(nginx store redis);

            printf "%-28s %8.0f %6s %8.2f %8.2f %7s %7s %7s\n", $words,
                   $best->{rate}, cell('%.2f', ratio($name, $n)),
                   $best->{p50}, $best->{p99},
                   map { cell('%.1f', $us{$_}) } qw(nginx store redis);
        }
    }

    printf "\nSQLite, rows a second: %.0f one by one, %.0f in batches as ours; "
           . "our committer: %.0f signups, %.0f a transaction\n",
           @$alone{'rows 1', 'rows', 'commit', 'size'}
        if %$alone;

    printf "the writer: %.0f instructions a signup\n", $count->{writer}
        if $count->{writer};

    print "\n";

    return targets();
}


sub ratio {
    my ($name, $n) = @_;
    my ($ours, $other) = map { best($speed->{$_}{$n}) } 'ours', $name;

    return $ours && $other ? $ours->{rate} / $other->{rate} : undef;
}


sub targets {
    my $missed = 0;
    my @targets;

    for my $n (64, 256) {
        my ($ours, $peer, $batch)
            = map { best($speed->{$_}{$n}) } qw(ours peer batch);

        push @targets, [ "$n: to fastify", '%.2f', ratio('peer', $n), 4 ],
                       [ "$n: to fastify that batches", '%.2f',
                         ratio('batch', $n), 1 ],
                       [ "$n: to no work", '%.2f', ratio('null', $n), 0.5 ],
                       [ "$n: p99 of fastify to ours", '%.2f',
                         $ours && $peer ? $peer->{p99} / $ours->{p99} : undef,
                         1 ],
                       [ "$n: p99 of fastify that batches to ours", '%.2f',
                         $ours && $batch ? $batch->{p99} / $ours->{p99}
                                         : undef, 1 ];
    }

    my ($nginx, $writer) = map { my $k = $_;
                                 median(map { $_->{$k} }
                                            @{$speed->{ours}{64}}) }
                               qw(nginx_us store_us);

    push @targets, [ '64: us of the nginx worker', '%.1f', $nginx, -45 ],
                   [ '64: us of the writer', '%.1f', $writer, -30 ],
                   [ 'instructions of the nginx worker', '%.0f',
                     $count->{nginx}, -60000 ],
                   [ 'sealing, us', '%.2f', $alone->{seal}, -3 ],
                   [ 'committer to SQLite, batches alike', '%.2f',
                     $alone->{ratio}, 0.6 ];

    for my $target (@targets) {
        my ($words, $format, $value, $bound) = @$target;

        next if !defined $value;

        my $ok = $bound < 0 ? $value <= -$bound : $value >= $bound;

        $missed += !$ok;
        printf "%-48s %8s  %s %-6s %s\n", $words, sprintf($format, $value),
               $bound < 0 ? 'at most' : 'at least', abs($bound),
               $ok ? 'ok' : 'MISSED';
    }

    return $missed;
}
