package Keepers::Cluster;

# Copyright (C) Keepers

# A Redis Cluster on the loopback.
#
#     my $cluster = Keepers::Cluster->new(3, $conf);  # masters, all slots
#     $cluster->address;          # "cluster:127.0.0.1:1,127.0.0.1:2,..."
#     $cluster->replica(0);       # one more node, a replica of the first
#     $cluster->slot($key);
#     $cluster->owner($slot);     # whose it is: a number of a node
#     $cluster->id(0);            # what the nodes call it
#     $cluster->{nodes};          # as start_redis() returns them

use strict;
use warnings;

use Keepers::Process;
use Keepers::Test;


sub new {
    my ($class, $n, $conf) = @_;
    my $self = bless({ nodes => [], ports => [], conf => $conf // '' }, $class);

    $self->join_node for 1 .. $n;

    for my $i (0 .. $n - 1) {
        $self->ask($i, 'cluster', 'addslotsrange', int(16384 * $i / $n),
                   int(16384 * ($i + 1) / $n) - 1);
    }

    $self->settled or die("no cluster:\n" . $self->ask(0, qw(cluster nodes)));
    return $self;
}


sub join_node {
    my ($self) = @_;
    my ($port, $bus) = (free_port(), free_port());

    # a node that is lost takes its own slots with it, and no others
    my $node = start_redis(conf => <<"END");
port $port
bind 127.0.0.1
appendonly yes
appendfsync always
cluster-enabled yes
cluster-port $bus
cluster-node-timeout 1500
cluster-require-full-coverage no
$self->{conf}
END

    push(@{$self->{ports}}, $port);
    push(@{$self->{nodes}}, $node);

    my $i = $#{$self->{nodes}};

    $self->ask($i, qw(cluster set-config-epoch), $i + 1);
    $self->ask($i, qw(cluster meet 127.0.0.1), $self->{ports}[0],
               $self->{bus} // $bus) if $i > 0;
    $self->{bus} //= $bus;
    return $i;
}


sub replica {
    my ($self, $master) = @_;
    my $i = $self->join_node;
    my $id = $self->id($master);

    wait_for { $self->ask($i, qw(cluster nodes)) =~ /^$id/m } or return 0;
    wait_for { $self->ask($i, qw(cluster replicate), $id) eq 'OK' }
        or return 0;
    return wait_for {
        $self->ask($i, qw(info replication)) =~ /^master_link_status:up/m
            && $self->settled
    };
}


# All of them know all of them.
sub settled {
    my ($self) = @_;
    my $n = @{$self->{nodes}};

    return wait_for {
        my $ok = 0;

        for my $i (0 .. $n - 1) {
            my $info = $self->ask($i, qw(cluster info));

            $ok++ if $info =~ /^cluster_state:ok/m
                     && $info =~ /^cluster_slots_assigned:16384/m
                     && $info =~ /^cluster_known_nodes:$n\b/m
                     && $self->ask($i, qw(cluster nodes)) !~ /handshake/;
        }

        $ok == $n;
    };
}


sub ask {
    my ($self, $i, @command) = @_;

    return redis_cli($self->{nodes}[$i], @command) =~ s/\r//gr;
}


sub address {
    my ($self) = @_;

    return 'cluster:' . join(',', map { "127.0.0.1:$_" } @{$self->{ports}});
}


sub id { return $_[0]->ask($_[1], qw(cluster myid)) }


sub slot { return $_[0]->ask(0, qw(cluster keyslot), $_[1]) }


# As this node says, or the first.
sub owner {
    my ($self, $slot, $who) = @_;

    for my $line (split(/\n/, $self->ask($who // 0, qw(cluster nodes)))) {
        my (undef, $address, $flags, undef, undef, undef, undef, undef, @slots)
            = split(/ /, $line);
        my ($port) = $address =~ /:(\d+)@/;

        next if $flags =~ /fail(?!\?)/;

        for (@slots) {
            my ($from, $to) = /^(\d+)(?:-(\d+))?$/ or next;

            next if $slot < $from || $slot > ($to // $from);
            return (grep { $self->{ports}[$_] == $port }
                         0 .. $#{$self->{ports}})[0];
        }
    }

    return -1;
}


1;
