# Copyright (C) Keepers

# What a Redis that hangs does to those who ask for a protected page: it is
# stopped (SIGSTOP) while as many requests as fit are under way, each of which
# asks it, and goes on after three seconds.

use strict;
use warnings;

use Bench;
use Time::HiRes qw(sleep time);


my ($BEFORE_S, $STOPPED_S, $AFTER_S) = (2, 3, 4);


# The n-th of a hundred parts, in ms.

sub part {
    my ($n, @us) = @_;
    my @sorted = sort { $a <=> $b } @us;

    return @sorted ? $sorted[$#sorted * $n / 100] / 1000 : undef;
}


# Who was answered in a time, by seconds since the epoch: how, and how fast.

sub between {
    my ($rows, $from, $until) = @_;
    my (%status, @us);

    for my $row (@$rows) {
        my ($end, $code, $us) = @$row;

        next if $end < $from || $end >= $until;

        $status{$code}++;
        push @us, $us;
    }

    return { status => \%status, n => scalar(@us), p50 => part(50, @us),
             p99 => part(99, @us), worst => part(100, @us) };
}


sub rows {
    my ($file) = @_;

    return [
        map { my ($start, $code, $us) = split /\t/;
              [ ($start + $us) / 1e6, $code, $us ] }
            split /\n/, read_file($file)
    ];
}


sub load_and_stop {
    my $log = "$dir/stopped.log.tsv";
    my $case = [ 'stopped', 'stopped', '/stopped', '' ];
    my @cpus = cpus();

    unlink $log;
    main::start_nginx('stopped', $cpus[0]);
    main::expect($case);

    start('h2load', $cpus[1], 'h2load', '--h1', '-c', 64, '-D',
          $BEFORE_S + $STOPPED_S + $AFTER_S, '--log-file', $log,
          '-H', 'Cookie: keepers=' . read_file("$dir/cookie"),
          main::url($case));

    sleep $BEFORE_S;
    kill 'STOP', $pid{'redis-server'};
    my $stopped = time;

    sleep $STOPPED_S;
    kill 'CONT', $pid{'redis-server'};
    my $went_on = time;

    waitpid $pid{h2load}, 0;
    delete $pid{h2load};

    my $rows = rows($log);

    return (
        [ 'before' => between($rows, $stopped - 1, $stopped) ],
        [ 'the first second' => between($rows, $stopped, $stopped + 1) ],
        [ 'then' => between($rows, $stopped + 1, $went_on) ],
        [ 'after, from one second on' => between($rows, $went_on + 1,
                                                 $went_on + $AFTER_S - 1) ],
    );
}


{
    cases => [],

    run => sub {
        my %of;

        printf "%-28s %8s %8s %8s %8s   %s\n", 'Redis is stopped', 'answers',
               'p50 ms', 'p99 ms', 'worst', 'statuses';

        for my $part (load_and_stop()) {
            my ($name, $it) = @$part;

            $of{$name} = $it;

            printf "%-28s %8d %8s %8s %8s   %s\n", $name, $it->{n},
                   (map { cell('%.2f', $it->{$_}) } qw(p50 p99 worst)),
                   join(', ', map { "$_: $it->{status}{$_}" }
                                  sort keys %{$it->{status}});
        }

        print "\n";

        my $base = $of{before}{p99};
        my $after = $of{'after, from one second on'};
        my $signed_out = grep { $_->{status}{401} || $_->{status}{303} }
                              values %of;

        return main::judge(
            [ 'the first second: ms added to p99', '%.2f',
              $of{'the first second'}{p99} - $base, 'max', 30 ],
            [ 'then: ms added to p99', '%.2f', $of{then}{p99} - $base, 'max',
              0.2 ],
            [ 'times at which somebody was signed out', '%d', $signed_out,
              'max', 0 ],
            [ 'after: of all answers, pages', '%.4f',
              ($after->{status}{200} // 0) / ($after->{n} || 1), 'min', 1 ],
        );
    },
};
