#!/usr/bin/perl
#
# Copyright (C) Keepers
#
# Compares ways to check something in front of one small answer: in one run,
# interleaved, one pinned worker each, wrk pinned beside it; then counts the
# instructions of a request under callgrind.  A suite (sessions.pl ...)
# says what is compared.  Started by tools/bench.sh; see docs/performance.md.
#
#     bench/compare.pl --module FILE --ok FILE --mint FILE --dir DIR
#         [--suite sessions | paired | stopped | limits | pages] [--quick] [--check]
#         [--only CASE[,CASE]] [--no-load | --no-count]

use strict;
use warnings;

use Cwd qw(abs_path);
use Getopt::Long;
use FindBin;
use IO::Socket::INET;
use IO::Socket::UNIX;

use lib $FindBin::Bin;
use Bench;


my %o = (suite => 'sessions');

GetOptions(\%o, 'module=s', 'ok=s', 'mint=s', 'dir=s', 'suite=s', 'quick', 'check',
           'only=s', 'load!', 'count!')
    or die "bench: unknown argument\n";

# What is compared, and what of it must hold.
our $here = abs_path($0) =~ s{/[^/]+$}{}r;
my $suite = do "$here/$o{suite}.pl"
    or die "bench: no suite \"$o{suite}\": $@$!\n";
my @cases = @{$suite->{cases}};

my $quick = $o{quick};
my $rounds = $quick ? 4 : $suite->{rounds} // 15;
my $seconds = $quick ? 1 : 2;
my ($few, $many) = $quick ? (500, 1500) : (2000, 6000);

if (defined $o{only}) {
    my %only = map { $_ => 1 } split /,/, $o{only};

    @cases = grep { $only{$_->[0]} } @cases or die "bench: no such case\n";
}

$dir = abs_path($o{dir});
my $prefix = 'keepers:';
my ($cookie, $redis, $tls, %port);
my @cpus = cpus();


prepare();

# a suite that is not of cases side by side runs itself
my $run = $suite->{run};

exit($run->() && $o{check} ? 1 : 0) if $run;

my $speed = ($o{load} // 1) ? load() : {};
my $count = ($o{count} // 1) ? instructions() : {};

my $missed = report($speed, $count);

exit($o{check} && $missed ? 1 : 0);


sub prepare {
    mkdir "$dir/$_" for qw(. tmp);

    write_file("$dir/edge.keys", 'bench:' . base64(random(32)) . "\n");
    chmod 0600, "$dir/edge.keys";
    write_file("$dir/writer.pub", base64(random(32)) . "\n");

    $redis = "$dir/redis.sock";

    unlink $redis;

    start('redis-server', $cpus[2] // $cpus[1], 'redis-server', '--port', 0,
          '--unixsocket', $redis, '--save', '', '--appendonly', 'no',
          '--dir', $dir, '--logfile', "$dir/redis.log", over_tls());
    wait_for('Redis', sub { IO::Socket::UNIX->new($redis) });

    run("$o{mint} $dir/edge.keys $prefix $dir/cookie "
        . "| redis-cli -s $redis --pipe");

    $cookie = read_file("$dir/cookie");

    my $json = '{"user":"018f3a1c-7b1e-7c63-9d0a-5f1e2d3c4b5a",'
               . '"business":"018f3a1c-7b1e-7d20-8f11-0a1b2c3d4e5f",'
               . '"role":"owner","epoch":0,"created":1790000000,'
               . '"absolute":4000000000,"idle":43200,"aal":1}';

    run("redis-cli -s $redis SET lua:s:$cookie '$json'");
}


# What Redis needs to listen for TLS too, if a case asks it that way.
sub over_tls {
    return () if !grep { $_->[1] eq 'tls' } @cases;

    $tls = free_port();

    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        . "-days 2 -subj /CN=bench -addext subjectAltName=IP:127.0.0.1 "
        . "-keyout $dir/tls.key -out $dir/tls.pem 2>&1");

    return ('--tls-port', $tls, '--tls-auth-clients', 'no',
            '--tls-cert-file', "$dir/tls.pem",
            '--tls-key-file', "$dir/tls.key",
            '--tls-ca-cert-file', "$dir/tls.pem");
}


# For a suite that asks Redis itself: its socket, and what of its processor it
# has had, in nanoseconds.
sub redis_socket { return $redis }
sub redis_ns { return cpu_ns($pid{'redis-server'}) }


# What a suite has to do once its servers run, the first time.
sub prepared {
    my $todo = delete $suite->{prepared} or return;

    $todo->();
}


# Each worker is alone on its processor; only the one that is asked works.  Two
# workers have both, and share them with wrk.

sub load {
    my (%samples, %before, %after);

    for my $name (instances()) {
        start_nginx($name, several($name) > 1 ? undef : $cpus[0]);
    }

    # so that everybody waits for the worker, and nobody for Redis; of the batch
    # class, so that a worker that was woken need not wait for its turn to end
    start('busy loop', $cpus[0], 'chrt', '--batch', 0, 'perl', '-e',
          '1 while 1') if $suite->{halved};

    prepared();
    expect($_) for @cases;

    # the first requests fault pages in and compile Lua
    wrk($_, 1) for @cases;

    for my $round (1 .. $rounds) {
        print STDERR "bench: round $round of $rounds\n";

        # every other round backwards, so that a drift favours nobody
        my @order = $round % 2 ? @cases : reverse @cases;

        for my $case (@order) {
            push @{$samples{$case->[0]}}, measure($case);
        }
    }

    stop($_) for instances(), $suite->{halved} ? 'busy loop' : ();

    return \%samples;
}


sub measure {
    my ($case) = @_;
    my $name = $case->[1];

    # the page of the counters takes time, too
    my $writes = ($suite->{counted} // '') eq $case->[0] ? counters($name)
                                                           : undef;
    my @before = (cpu_ns(workers($name)), cpu_ns($pid{'redis-server'}));
    my $result = wrk($case, $seconds);
    my @after = (cpu_ns(workers($name)), cpu_ns($pid{'redis-server'}));

    $result->{nginx_us} = ($after[0] - $before[0]) / 1000
                          / $result->{requests};
    $result->{redis_us} = ($after[1] - $before[1]) / 1000
                          / $result->{requests};

    if ($writes) {
        my $now = counters($name);
        my $n = $now->{writes} - $writes->{writes};

        $result->{commands} = $now->{commands} - $writes->{commands};
        $result->{batch} = $n ? $result->{commands} / $n : 0;
    }

    return $result;
}


sub wrk {
    my ($case, $duration) = @_;

    my $pinned = several($case->[1]) > 1 ? '' : "taskset -c $cpus[1] ";
    my $text = run('timeout ' . ($duration + 10) . " $pinned"
                   . 'wrk -t 1 -c ' . ($suite->{connections} // 64)
                   . " -d ${duration}s --latency "
                   . cookie($case) . url($case));

    my ($other) = $text =~ /Non-2xx or 3xx responses: (\d+)/;
    my ($all) = $text =~ /(\d+) requests in/;

    die "bench: $case->[0]: not all answers were " . status($case) . ":\n$text"
        if $text =~ /Socket errors/
           || ($other // 0) != (status($case) == 200 ? 0 : $all // -1);

    my ($n) = $text =~ /(\d+) requests in/ or die "bench: wrk says:\n$text";
    my ($rate) = $text =~ m{Requests/sec:\s+([\d.]+)};
    my ($p50) = $text =~ /50%\s+([\d.]+[a-z]+)/;
    my ($p99) = $text =~ /99%\s+([\d.]+[a-z]+)/;

    return { requests => $n, rate => $rate, p50 => ms($p50), p99 => ms($p99) };
}


# The difference of two runs leaves start, stop and the first request's work
# out.  A run has an nginx of its own, a single process, and one connection.

sub instructions {
    my %count;

    for my $case (@cases) {
        print STDERR "bench: counting instructions of $case->[0]\n";

        my $low = callgrind($case, $few);
        my $high = callgrind($case, $many);

        $count{$case->[0]} = ($high - $low) / ($many - $few);
    }

    return \%count;
}


sub callgrind {
    my ($case, $requests) = @_;
    my $name = $case->[1];
    my $out = "$dir/callgrind.$case->[0].$requests";

    unlink $out;
    start_nginx($name, undef, 'valgrind', '--tool=callgrind',
                "--callgrind-out-file=$out", '-q');
    prepared();
    expect($case);

    my $text = run("timeout 60 h2load --h1 -n $requests -c 1 "
                   . cookie($case) . url($case));

    die "bench: $case->[0]: h2load says:\n$text"
        if status($case) == 200 ? $text !~ /status codes: $requests 2xx/
                                : $text !~ /$requests 4xx/;

    stop($name);

    my ($total) = read_file($out) =~ /^(?:summary|totals): (\d+)/m
        or die "bench: no total in $out\n";

    return $total;
}


sub report {
    my ($speed, $count) = @_;
    my %row;

    printf "\n%-32s %8s %6s %6s %6s %7s %7s %9s\n", '', 'req/s', 'ratio',
           'p50 ms', 'p99 ms', 'nginx', 'Redis', 'instruct.';
    printf "%-32s %8s %6s %6s %6s %7s %7s %9s\n", '', '', 'to lim.', '', '',
           'us/req', 'us/req', '/req';

    for my $case (@cases) {
        my $name = $case->[0];
        my $s = $speed->{$name};
        my %m = map { my $k = $_; $k => least(map { $_->{$k} } @$s) }
                    qw(nginx_us redis_us);
        my $best = best($s);

        # what Redis does without being asked is not worth a column
        $m{redis_us} = undef if ($m{redis_us} // 0) < 0.05;

        $m{$_} = $best->{$_} for qw(rate p50 p99);
        $m{ratio} = ratio($speed, $name, 'limit');
        $m{count} = $count->{$name};
        $row{$name} = \%m;

        printf "%-32s %8s %6s %6s %6s %7s %7s %9s\n", $case->[3],
               cell('%.0f', $m{rate}), cell('%.2f', $m{ratio}),
               cell('%.2f', $m{p50}), cell('%.2f', $m{p99}),
               cell('%.2f', $m{nginx_us}),
               cell('%.2f', $m{redis_us}),
               cell('%.0f', $m{count});
    }

    print "\n";

    return targets($speed, \%row);
}


sub targets {
    my ($speed, $row) = @_;
    my @targets = $suite->{targets}->($speed, $row);

    print "The machine is busy: throughput is not of a whole processor.\n"
        if !$suite->{halved} && grep { $_->[0] =~ /CPU time\)$/ } @targets;

    return judge(@targets);
}


sub judge {
    my (@targets) = @_;
    my $missed = 0;

    for my $target (@targets) {
        my ($name, $format, $value, $way, $bound) = @$target;

        next if !defined $value;

        my $ok = $way eq 'max' ? $value <= $bound : $value >= $bound;

        $missed += !$ok;

        printf "%-52s %8s  %s %-6s %s\n", $name, sprintf($format, $value),
               $way eq 'max' ? 'at most' : 'at least', $bound,
               $ok ? 'ok' : 'MISSED';
    }

    return $missed;
}


# Of the best rounds: what else the machine does only ever slows one down.

sub ratio {
    my ($speed, $name, $to) = @_;
    my ($one, $other) = (best($speed->{$name}), best($speed->{$to}));

    return $one && $other ? $one->{rate} / $other->{rate} : undef;
}


# A worker that did not get its processor tells nothing by its throughput; then
# the ratio is of CPU time, which is what throughput comes to when it does.  Nor
# does one beside the busy loop: who sleeps between requests gets less of the
# half than who never does, so there it is always of equal CPU time.

sub throughput {
    my ($speed, $name, $to) = @_;
    my @rounds = map { best($speed->{$_}) // return (undef, '') } $name, $to;

    return (ratio($speed, $name, $to), '')
        if !$suite->{halved}
           && !grep { $_->{rate} * $_->{nginx_us} < 850_000 } @rounds;

    return ($rounds[1]{nginx_us} / $rounds[0]{nginx_us}, ' (CPU time)');
}


sub instances {
    my %seen;

    return grep { !$seen{$_}++ } map { $_->[1] } @cases;
}


# Only where a session is asked for, if the suite says where that is.

sub cookie {
    my ($case) = @_;

    return '' if $suite->{sessions} && !grep { $_ eq $case->[0] }
                                           @{$suite->{sessions}};

    return "-H 'Cookie: keepers=$cookie' ";
}


sub url {
    my ($case) = @_;

    return "http://127.0.0.1:$port{$case->[1]}$case->[2]";
}


# How many workers an nginx has: its name ends with that, if it is not one.

sub several {
    my ($name) = @_;

    return $name =~ /(\d)$/ ? $1 : 1;
}


# nginx runs as two processes for the load, as one under callgrind.

sub start_nginx {
    my ($name, $cpu, @under) = @_;

    $port{$name} = free_port();

    my %value = (
        DIR => $dir, BENCH => $here, PORT => $port{$name}, REDIS => $redis,
        MODULE => abs_path($o{module}), OK => abs_path($o{ok}),
        PREFIX => $prefix, TLS => $tls,
        USER => $> == 0 ? 'user root;' : '',
    );

    my $text = "load_module \@OK\@;\n"
               . read_file("$here/" . ($name =~ s/\d$//r) . '.conf')
               . read_file("$here/server.conf") =~ s/\@NAME\@/$name/gr;

    $text =~ s/^worker_processes\K.*;/ $_;/m for several($name);

    $text =~ s/\@([A-Z]+)\@/$value{$1} \/\/ die "bench: \@$1\@?\n"/ge;

    write_file("$dir/$name.conf", $text);

    my $globals = 'daemon off;' . (@under ? ' master_process off;' : '');

    start($name, $cpu, @under, nginx(), '-c', "$dir/$name.conf",
          '-e', "$dir/$name.log", '-g', $globals);

    wait_for("nginx ($name)", sub {
        IO::Socket::INET->new("127.0.0.1:$port{$name}")
    });
}


# Also waits until the module has its connection to Redis.

sub expect {
    my ($case) = @_;
    my $answer = '';

    wait_for(status($case) . " from $case->[0]", sub {
        $answer = get($case->[1], $case->[2]);
        $answer =~ m{^HTTP/1.1 \Q${\status($case)}\E };
    }, sub { $answer });
}


# The status that a case answers with.
sub status {
    my ($case) = @_;

    return $case->[4] // 200;
}


sub get {
    my ($name, $path) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port{$name}",
                                       Timeout => 5)
        or return '';

    print $socket "GET $path HTTP/1.1\r\nHost: localhost\r\n"
                  . "Cookie: keepers=$cookie\r\nConnection: close\r\n\r\n";

    local $/;

    return scalar(<$socket>) // '';
}


sub counters {
    my ($instance) = @_;
    my $text = get($instance, '/status');
    my %n;

    for my $name (qw(commands writes)) {
        ($n{$name}) = $text =~ /^keepers_redis_${name}_total (\d+)/m
            or die "bench: no counter \"$name\" in the status\n";
    }

    return \%n;
}
