package Keepers::Askers;

# Copyright (C) Keepers

# Clients that send one request again and again, each time on a connection of
# its own, while a test does something to nginx.
#
#     my $askers = Keepers::Askers->new(peer => '127.0.0.1:8080',
#                                       request => "GET / HTTP/1.0\r\n\r\n");
#     ...
#     my ($asked, %failed) = $askers->stop;     # by status, or 'nothing'
#
# clients => n processes (4), rate => n requests a second of each (500), status
# => what is right (200).

use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);


sub new {
    my ($class, %args) = @_;
    my $self = bless({ clients => 4, rate => 500, status => 200, %args,
                       pipes => {} }, $class);

    for (1 .. $self->{clients}) {
        pipe(my $in, my $out) or die("pipe: $!\n");

        my $pid = fork() // die("fork: $!\n");

        if ($pid == 0) {
            close($in);
            $self->ask($out);
            POSIX::_exit(0);
        }

        close($out);
        $self->{pipes}{$pid} = $in;
    }

    return $self;
}


# Until it is told to stop; then says how often, and what went wrong.
sub ask {
    my ($self, $out) = @_;
    my ($asked, $stop, %failed) = (0, 0);

    local $SIG{TERM} = sub { $stop = 1 };
    local $SIG{PIPE} = 'IGNORE';

    my $began = time();

    while (!$stop) {
        my $socket = IO::Socket::INET->new(PeerAddr => $self->{peer});
        my $line = '';

        if ($socket) {
            print $socket $self->{request};
            $line = <$socket> // '';
            1 while read($socket, my $rest, 65536);
        }

        $asked++;
        $failed{$line =~ m{^HTTP/1\.1 (\d+)} ? $1 : 'nothing'}++
            if $line !~ m{^HTTP/1\.1 $self->{status} };

        my $early = $began + $asked / $self->{rate} - time();

        sleep($early) if $early > 0;
    }

    print $out join(' ', $asked, %failed), "\n";
    close($out);
    return;
}


sub stop {
    my ($self) = @_;
    my ($asked, %failed) = (0);

    for my $pid (keys %{$self->{pipes}}) {
        kill('TERM', $pid);

        my ($n, %of) = split(/\s+/, readline($self->{pipes}{$pid}) // '0');

        waitpid($pid, 0);
        $asked += $n;
        $failed{$_} += $of{$_} for keys %of;
    }

    $self->{pipes} = {};
    return ($asked, %failed);
}


sub DESTROY {
    my ($self) = @_;

    local ($?, $!, $@);
    $self->stop;
    return;
}


1;
