package Keepers::Sentinel;

# Copyright (C) Keepers

# Sentinels that watch a master on the loopback.
#
#     my $sentinels = Keepers::Sentinel->new($port, auth => $password,
#                                            conf => "requirepass secret\n");
#     $sentinels->address;        # "sentinel:main@127.0.0.1:1,127.0.0.1:2 ..."
#     $sentinels->settled;        # they know each other and a replica
#     $sentinels->master;         # the port that they say
#     $sentinels->switched;       # when they last made another one master

use strict;
use warnings;

use Keepers::Process;
use POSIX qw(mktime);


# auth is the password of "admin" in the servers, password one of their own, tls
# the file of an authority, if they speak TLS, and conf are further lines.
sub new {
    my ($class, $port, %option) = @_;
    my $self = bless({ ports => [], processes => [] }, $class);

    for (1 .. $option{n} // 3) {
        my $own = free_port();
        my $dir = work_dir() . "/sentinel$own";
        my $auth = $option{auth} ? "sentinel auth-user main admin\n"
                                 . "sentinel auth-pass main $option{auth}\n"
                                 : '';

        mkdir($dir);
        my $listen = $option{tls} ? "port 0\ntls-port $own" : "port $own";

        spew("$dir/sentinel.conf", "$listen\nbind 127.0.0.1\ndir $dir\n"
             . "sentinel monitor main 127.0.0.1 $port 2\n"
             . "sentinel down-after-milliseconds main 1000\n"
             . "sentinel failover-timeout main 4000\n"
             . $auth . ($option{conf} // ''));

        push(@{$self->{ports}}, $own);
        push(@{$self->{processes}}, start({
            name => 'sentinel', log => "$dir/sentinel.log", dir => $dir,
            command => ['redis-server', "$dir/sentinel.conf", '--sentinel'],
            ready => sub { listens($own) } }));
    }

    $self->{auth} = [$option{password} ? ('-a', $option{password},
                                          '--no-auth-warning') : ()];
    return $self;
}


sub processes { return @{$_[0]{processes}} }

sub ports { return @{$_[0]{ports}} }


sub address {
    my ($self) = @_;

    return 'sentinel:main@'
           . join(',', map { "127.0.0.1:$_" } @{$self->{ports}});
}


# What one of them answers, as redis-cli prints it.
sub ask {
    my ($self, $i, @command) = @_;

    open(my $out, '-|', 'redis-cli', '-p', $self->{ports}[$i],
         @{$self->{auth}}, 'sentinel', @command) or die("redis-cli: $!\n");
    chomp(my @lines = <$out>);
    return @lines;
}


sub master {
    my ($self, $i) = @_;

    return ($self->ask($i // 0, 'get-master-addr-by-name', 'main'))[1] // 0;
}


sub settled {
    my ($self) = @_;
    my $others = $self->ports - 1;

    return wait_for {
        for my $i (0 .. $others) {
            my %is = $self->ask($i, 'master', 'main');

            return 0 if $is{'num-other-sentinels'} != $others
                        || $is{'num-slaves'} < 1
                        || $is{flags} ne 'master';

            my %replica = $self->ask($i, 'replicas', 'main');

            return 0 if $replica{'master-link-status'} ne 'ok';
        }

        return 1;
    } 40;
}


# "1:X 29 Nov 2026 16:50:40.123 # +switch-master main ..."; 0: never
sub switched {
    my ($self) = @_;
    my ($last, $n) = (0, 0);
    my %month = map { $_ => $n++ }
                    qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec);

    for my $process ($self->processes) {
        my $log = slurp($process->{log});

        while ($log =~ /^\d+:X\ (\d+)\ (\w+)\ (\d+)
               \ (\d+):(\d+):(\d+\.\d+)\ \#\ \+switch-master\ /gmx)
        {
            my $at = mktime(0, $5, $4, $1, $month{$2}, $3 - 1900, 0, 0, -1)
                     + $6;

            $last = $at if $at > $last;
        }
    }

    return $last;
}


1;
