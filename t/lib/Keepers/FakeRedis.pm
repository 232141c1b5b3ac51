package Keepers::FakeRedis;

# Copyright (C) Keepers

# A Redis that misbehaves on command.  It stands between nginx and a real Redis
# (both on Unix sockets), passes commands on, and spoils the replies in the way
# that mode() names.  One process, one select() loop, one command at a time.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOCK_STREAM);
use Time::HiRes qw(sleep time);

# What may be done to the reply of a command.  Each gets the real reply and
# returns what is sent instead; undef closes the connection.
my %SPOIL = (
    right      => sub { $_[0] },
    nested     => sub { "*1\r\n$_[0]" },
    nested_in  => sub { $_[0] =~ s/\A(\*\d+\r\n)/$1*1\r\n/r },
    deep       => sub { "*1\r\n" x 64 . "\$1\r\na\r\n" },
    long_bulk  => sub { "\$70000\r\n" . 'x' x 70000 . "\r\n" },
    huge_bulk  => sub { "\$536870912\r\n" . 'x' x 200_000 },
    max_bulk   => sub { "\$9223372036854775807\r\nabc" },
    many       => sub { "*70\r\n" . "\$1\r\na\r\n" x 70 },
    huge_array => sub { "*2147483647\r\n" },
    over_array => sub { "*9223372036854775807\r\n" },
    minus_bulk => sub { "\$-2\r\n" },
    minus_array => sub { "*-7\r\n" },
    end_bulk   => sub {
        $_[0] =~ s/\A((?:\*\d+\r\n)?\$(\d+)\r\n(??{".{$2}"}))\r\n/$1XY/sr;
    },
    longer     => sub { "*2\r\n\$1500\r\n" . 'x' x 1500 . "\r\n\$-1\r\n" },
    one_more   => sub {
        $_[0] =~ s/\A\*(\d+)/'*' . ($1 + 1)/er . "\$1\r\n1\r\n";
    },
    error_in   => sub { "*2\r\n-WRONGTYPE spoiled\r\n\$-1\r\n" },
    endless    => sub { '+' . 'x' x 300_000 },
    junk       => sub { "\x00\xff\x16\x03\x01HTTP/1.1 200 OK\r\n\r\n" },
    resp3_map  => sub { "%1\r\n+a\r\n+b\r\n" },
    resp3_bool => sub { "#t\r\n" },
    resp3_push => sub { ">2\r\n+message\r\n+x\r\n" . $_[0] },
    empty      => sub { "*0\r\n" },
    nil        => sub { "\$-1\r\n" },
    nil_array  => sub { "*-1\r\n" },
    nils       => sub { "*2\r\n\$-1\r\n\$-1\r\n" },
    blank      => sub { "\$0\r\n\r\n" },
    integer    => sub { ":1\r\n" },
    overflow   => sub { ":99999999999999999999\r\n" },
    status     => sub { "+OK\r\n" },
    strings    => sub { "*2\r\n\$3\r\nabc\r\n\$1\r\n7\r\n" },
    twice      => sub { $_[0] . $_[0] },
    early      => sub { "+X\r\n" . $_[0] },
    close      => sub { undef },
);

$SPOIL{"error_$_"} = do { my $word = $_; sub { "-$word spoiled\r\n" } }
    for qw(ERR LOADING READONLY MASTERDOWN NOAUTH WRONGPASS NOPERM OOM MISCONF
    BUSY MOVED ASK CLUSTERDOWN CROSSSLOT WRONGTYPE NOSCRIPT EXECABORT);

# Modes beyond one reply:
#   hang         nothing is answered
#   hang_hello   not even the first commands are
#   deaf         connections are accepted and not read
#   unasked      "+X" is sent to everyone, once
#   slow:S       each reply S seconds late
#   trickle:S    a byte each S seconds
#   cut:N        N bytes of the reply (-N: all but N), then closed
#   stop:N       the same, then nothing
#   swap         replies in pairs, the later first
#   tell:TEXT    TEXT is the reply
#   to:NAME:TEXT TEXT is the reply to this command, which is not passed on
#   hold:NAME    the reply to this command, and what comes behind it on its
#                connection, is kept until the mode changes
#   hello:TEXT   TEXT is the reply to each of the first commands
#   shut         one connection that takes commands is dropped, the others are
#                served, and who connects gets no reply; shut:TEXT gives them one
#   aof:TEXT     a server with an append-only file and WAITAOF, to which TEXT is
#                the reply; none: it is not answered until there is one
#   late:S       what is published comes S seconds late, all else as it is
#   greet:TEXT   TEXT is sent to who connects, nothing else, and nothing closed
my @WHOLE = qw(hang hang_hello deaf unasked slow trickle cut stop swap tell
    to hold hello greet shut aof late);


# listen => path, real => path of a real Redis, mode => name; with port => n it
# listens there, and the path is only where its files are
sub new {
    my ($class, %args) = @_;

    my $self = bless {%args, control => "$args{listen}.mode"}, $class;

    unlink $self->{listen}, "$self->{listen}.log";
    $self->mode($args{mode} || 'right');

    my $server = $self->{port}
        ? IO::Socket::INET->new(
            LocalAddr => '127.0.0.1',
            LocalPort => $self->{port},
            ReuseAddr => 1,
            Listen    => 128
        )
        : IO::Socket::UNIX->new(
            Type   => SOCK_STREAM,
            Local  => $self->{listen},
            Listen => 128
        );

    die "cannot listen on $self->{listen}: $!" unless $server;
    chmod 0666, $self->{listen} unless $self->{port};

    $self->{pid} = fork;
    die "cannot fork: $!" unless defined $self->{pid};

    if ($self->{pid} == 0) {
        $SIG{PIPE} = 'IGNORE';
        $SIG{TERM} = 'DEFAULT';
        eval { $self->serve($server); 1 } or print STDERR "FakeRedis: $@";
        POSIX::_exit(0);
    }

    close $server;

    return $self;
}


# The spoilings of a single reply, for tests that go through all of them.
sub modes { return sort keys %SPOIL }


# Takes effect with the next command.
sub mode {
    my ($self, $mode) = @_;

    my ($name) = split /:/, $mode;
    die "no mode $name" unless $SPOIL{$name} || grep { $_ eq $name } @WHOLE;

    my $file = "$self->{control}.$$";
    open my $fh, '>', $file or die "$file: $!";
    print $fh $mode;
    close $fh;
    rename $file, $self->{control} or die "$file: $!";

    return $self;
}


# What happened: "accept", "close", or a command's name, a line each.
sub seen {
    my ($self) = @_;

    open my $fh, '<', "$self->{listen}.log" or return ();
    chomp(my @lines = <$fh>);

    return @lines;
}


sub stop {
    my ($self) = @_;

    return unless my $pid = delete $self->{pid};

    kill 'TERM', $pid;
    waitpid $pid, 0;
    unlink $self->{listen}, $self->{control};

    return;
}


sub DESTROY {
    my ($self) = @_;

    local ($?, $!, $@);
    $self->stop;
}


sub serve {
    my ($self, $server) = @_;

    open $self->{log}, '>>', "$self->{listen}.log" or die $!;
    $self->{log}->autoflush(1);

    my $select = IO::Select->new($server);
    my (%client, %published, $unasked, $shut);

    while (1) {
        my @ready = $select->can_read(0.01);
        my $mode  = $self->now;

        if ($mode eq 'unasked') {
            if (!$unasked) {
                $_->{socket}->syswrite("+X\r\n") for values %client;
            }
            $unasked = 1;
        } else {
            $unasked = 0;
        }

        if ($mode !~ /^hold/) {
            for my $client (grep { $_->{kept} } values %client) {
                $client->{socket}->syswrite(delete $client->{kept});
            }
        }

        if ($mode =~ /^aof:(.+)/s) {
            for my $client (grep { $_->{asked} } values %client) {
                $client->{socket}->syswrite($1 x delete $client->{asked});
            }
        }

        if ($mode =~ /^shut/ && !$shut) {
            my ($one) = grep { !$_->{subscribed} } values %client;

            $select->remove($one->{socket});
            close delete($client{$one->{socket}})->{socket};
        }
        $shut = $mode =~ /^shut/;

        for my $socket (@ready) {
            if ($socket == $server) {
                my $new = $server->accept or next;
                print { $self->{log} } "accept\n";
                $new->syswrite($1) if $mode =~ /^greet:(.*)/s;
                next if $mode eq 'deaf' && ($self->{kept}{$new} = $new);
                $select->add($new);
                $client{$new} = {
                    mute   => $shut,
                    socket => $new,
                    in     => '',
                    real   => IO::Socket::UNIX->new(
                        Type => SOCK_STREAM,
                        Peer => $self->{real}
                    )
                };
                next;
            }

            # what is published to a subscriber passes as it is
            if (my $client = $published{$socket}) {

                # the answer to a PING may have brought it along meanwhile
                next if !IO::Select->new($socket)->can_read(0);

                my $passed = sysread $socket, my $message, 65536;

                sleep $1 if $passed && $mode =~ /^late:(.*)/;
                $select->remove($socket) if !$passed;
                $client->{socket}->syswrite($message) if $passed;
                next;
            }

            my $client = $client{$socket} or next;
            my $n      = sysread $socket, $client->{in}, 65536,
                length $client->{in};

            if (!$n || !$self->commands($client)) {
                print { $self->{log} } "close\n";
                $select->remove($socket);
                $select->remove($client->{real}) if $client->{real};
                delete $published{$client->{real} // ''};
                delete $client{$socket};
                close $socket;
                next;
            }

            if ($client->{subscribed} && $client->{real}) {
                $published{$client->{real}} = $client;
                $select->add($client->{real});
            }
        }
    }
}


sub now {
    my ($self) = @_;

    open my $fh, '<', $self->{control} or return 'right';

    local $/;
    return <$fh> // 'right';
}


# Answers each whole command in the client's input; false: close it.
sub commands {
    my ($self, $client) = @_;

    while (my ($raw, @words) = command($client)) {
        my $name = uc $words[0];
        print { $self->{log} } "$name\n";

        my $hello = $name =~ /^(?:AUTH|SELECT|PING|SCRIPT|HELLO)$/;
        my ($mode, $value) = split /:/, $self->now, 2;

        $client->{subscribed} = 1 if $name eq 'SUBSCRIBE';
        next if $mode =~ /^(?:hang_hello|deaf|greet)$/;

        if ($client->{mute}) {
            $client->{socket}->syswrite($value) if defined $value;
            next;
        }

        next if $mode eq 'hang' && !$hello;

        if ($mode eq 'to' && $value =~ /\A\Q$name\E:(.*)\z/s) {
            $client->{socket}->syswrite($1);
            next;
        }

        my $real = $client->{real} ? ask($client->{real}, $raw) : undef;
        return 0 unless defined $real;

        $real = $value if $mode eq 'hello' && $hello;

        # which script is the spool's
        if ($name eq 'SCRIPT' && "@words" =~ /WAITAOF/) {
            ($self->{spool}) = $real =~ /([0-9a-f]{40})/;
        }

        if ($mode eq 'aof') {
            $real = $value // '' if $name eq 'WAITAOF';
            $real =~ s/\A:1\r/:2\r/
                if $name eq 'EVALSHA' && $words[1] eq ($self->{spool} // '');
            $client->{asked}++ if $real eq '';
            $client->{socket}->syswrite($real) if $real ne '';
            next;
        }

        if (defined $client->{kept} || $mode eq 'hold' && $value eq $name) {
            $client->{kept} .= $real;
            next;
        }

        if ($mode =~ /^(?:hang|unasked|hello|hold|shut|to|late)$/ || $hello) {
            $client->{socket}->syswrite($real);
            next;
        }

        $self->answer($client, $mode, $value, $real) or return 0;
    }

    return 1;
}


sub answer {
    my ($self, $client, $mode, $value, $real) = @_;

    my $socket = $client->{socket};

    if ($mode eq 'swap') {
        if (defined(my $held = delete $client->{held})) {
            return $socket->syswrite($real . $held);
        }
        $client->{held} = $real;
        return 1;
    }

    if ($mode eq 'slow') {
        sleep $value;
        return $socket->syswrite($real);
    }

    if ($mode eq 'trickle') {
        for my $byte (split //, $real) {
            $socket->syswrite($byte) or return 0;
            sleep $value;
        }
        return 1;
    }

    if ($mode eq 'cut' || $mode eq 'stop') {
        $socket->syswrite(substr $real, 0, $value) if $value;
        return $mode eq 'stop';
    }

    return $socket->syswrite($value) if $mode eq 'tell';

    my $spoilt = $SPOIL{$mode}->($real);

    return defined $spoilt && $socket->syswrite($spoilt);
}


# One whole command off the input: its bytes and its words.
sub command {
    my ($client) = @_;

    return unless $client->{in} =~ /\A\*(\d+)\r\n/;

    my ($n, $at, @words) = ($1, length $&);

    for (1 .. $n) {
        pos($client->{in}) = $at;
        return unless $client->{in} =~ /\G\$(\d+)\r\n/g;
        $at = pos $client->{in};
        return if length $client->{in} < $at + $1 + 2;
        push @words, substr $client->{in}, $at, $1;
        $at += $1 + 2;
    }

    return (substr($client->{in}, 0, $at, ''), @words);
}


# The reply of the real Redis, byte for byte; undef: it has gone.
sub ask {
    my ($real, $raw) = @_;

    $real->syswrite($raw) or return;

    my $in = '';

    until (defined whole(\$in, 0)) {
        sysread $real, $in, 65536, length $in or return;
    }

    return $in;
}


# Where the reply that begins at $at ends; undef: not all of it is here.
sub whole {
    my ($in, $at) = @_;

    my $end = index $$in, "\r\n", $at;
    return if $end < 0;

    my $mark = substr $$in, $at, 1;
    my $n    = substr $$in, $at + 1, $end - $at - 1;
    $at = $end + 2;

    return $at if $mark =~ /[-+:]/ || $n < 0;

    if ($mark eq '$') {
        return length $$in < $at + $n + 2 ? undef : $at + $n + 2;
    }

    for (1 .. $n) {
        $at = whole($in, $at);
        return unless defined $at;
    }

    return $at;
}

1;
