# Copyright (C) Keepers

# What the benchmarks share: processes that are started, waited for and ended,
# their time, and small arithmetic.  $dir is the folder of their logs.

package Bench;

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

our ($dir, %pid);
our @EXPORT = qw(%pid $dir best base64 cell cpu_ns cpus free_port least median
                 ms nginx random read_file run start stop wait_for workers
                 write_file);

$SIG{INT} = $SIG{TERM} = sub { exit 130 };


END {
    my $status = $?;

    stop($_) for keys %pid;

    $? = $status;
}


sub start {
    my ($name, $cpu, @command) = @_;

    unshift @command, 'taskset', '-c', $cpu if defined $cpu;

    my $child = fork() // die "bench: fork: $!\n";

    if ($child == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$dir/$name.out";
        open STDERR, '>>', "$dir/$name.out";
        exec @command;
        exit 127;
    }

    $pid{$name} = $child;
}


sub stop {
    my ($name) = @_;
    my $child = delete $pid{$name} or return;

    # a signal between nginx's look at its flags and its wait for events is not
    # seen until the next one
    do {
        kill 'TERM', $child;
        sleep(0.1);
    } while (waitpid($child, WNOHANG) == 0);
}


sub wait_for {
    my ($what, $test, $hint) = @_;
    my $until = time + 20;

    until ($test->()) {
        if (time > $until || grep { waitpid($_, WNOHANG) > 0 } values %pid) {
            die "bench: $what does not come\n" . ($hint ? $hint->() : '')
                . "see the logs in $dir\n";
        }

        sleep 0.05;
    }
}


sub run {
    my ($command) = @_;
    my $text = `$command 2>&1`;

    die "bench: $command\n$text" if $? != 0;

    return $text;
}


sub nginx {
    return $ENV{KEEPERS_NGINX} // '/usr/sbin/nginx';
}


sub workers {
    my ($name) = @_;
    my $master = $pid{$name};

    my @children = split ' ',
                         read_file("/proc/$master/task/$master/children");

    die "bench: nginx ($name) has no worker\n" if !@children;

    return @children;
}


sub cpus {
    my ($list) = read_file('/proc/self/status')
                 =~ /^Cpus_allowed_list:\s*(\S+)/m;
    my @cpus = map { /(\d+)-(\d+)/ ? ($1 .. $2) : $_ } split /,/, $list;

    die "bench: needs two processors\n" if @cpus < 2;

    return @cpus;
}


# Of processes, with all of their threads.

sub cpu_ns {
    my $sum = 0;

    $sum += (split ' ', read_file($_))[0]
        for map { glob "/proc/$_/task/*/schedstat" } @_;

    return $sum;
}


sub free_port {
    my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
        or die "bench: no free port: $!\n";

    return $socket->sockport;
}


sub best {
    my ($samples) = @_;

    return (sort { $b->{rate} <=> $a->{rate} } @{$samples // []})[0];
}


# Of times: whatever else the machine does only adds to one.

sub least {
    my @sorted = sort { $a <=> $b } grep { defined } @_;

    return $sorted[0];
}


sub median {
    my @sorted = sort { $a <=> $b } grep { defined } @_;

    return undef if !@sorted;

    return ($sorted[$#sorted / 2] + $sorted[@sorted / 2]) / 2;
}


sub cell {
    my ($format, $value) = @_;

    return defined $value ? sprintf($format, $value) : '-';
}


sub ms {
    my ($number, $unit) = ($_[0] // '') =~ /^([\d.]+)(us|ms|s)$/
        or return undef;

    return $number * { us => 0.001, ms => 1, s => 1000 }->{$unit};
}


sub random {
    my ($n) = @_;

    open my $file, '<:raw', '/dev/urandom' or die "bench: no random: $!\n";
    read($file, my $bytes, $n) == $n or die "bench: no random: $!\n";

    return $bytes;
}


sub base64 {
    require MIME::Base64;

    return MIME::Base64::encode_base64($_[0], '');
}


sub read_file {
    my ($name) = @_;

    open my $file, '<', $name or die "bench: $name: $!\n";

    local $/;

    return scalar(<$file>) // '';
}


sub write_file {
    my ($name, $text) = @_;

    open my $file, '>', $name or die "bench: $name: $!\n";
    print $file $text;
    close $file or die "bench: $name: $!\n";
}


1;
