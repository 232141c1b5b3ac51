package Keepers::Http2;

# Copyright (C) Keepers

# HTTP/2 without a library, so that a test says which bytes are in which frame.
#
#     my $h2 = Keepers::Http2->new($port);
#     my $stream = $h2->ask(POST => '/l/x', { 'content-type' => '..' }, 'a',
#                           'b');                 # a frame each
#     my %status = $h2->answers($stream);         # 'reset' if it was

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use Keepers::Process qw(listens);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(frame h2_text);

use constant { DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4,
               END_STREAM => 1, ACK => 1, END_HEADERS => 4, PADDED => 8 };

my %indexed = (0x88 => 200, 0x89 => 204, 0x8a => 206, 0x8b => 304,
               0x8c => 400, 0x8d => 404, 0x8e => 500);


sub frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length($payload)), 1)
           . pack('CCN', $type, $flags, $stream) . $payload;
}


# Lengths have a prefix of seven bits (RFC 7541, 5.1); ours are at most 254.
sub h2_text {
    my ($text) = @_;
    my $n = length($text);

    return ($n < 127 ? chr($n) : "\x7f" . chr($n - 127)) . $text;
}


sub new {
    my ($class, $port) = @_;
    my $socket = listens($port) or die("nobody listens on $port\n");

    $socket->setsockopt(6, 1, 1);
    $socket->syswrite("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                      . frame(SETTINGS, 0, 0, ''));
    return bless({ socket => $socket, next => 1, in => '', status => {} },
                 $class);
}


# A piece of the body that is a reference is a frame as it is, but for its
# stream.
sub ask {
    my ($self, $method, $path, $headers, @body) = @_;
    my $stream = $self->open($method, $path, $headers, !@body);

    $self->more($stream, $body[$_], $_ == $#body) for 0 .. $#body;
    return $stream;
}


# The headers alone, and then a piece of the body.
sub open {
    my ($self, $method, $path, $headers, $last) = @_;
    my $stream = $self->{next};
    my $fields = "\x86\x02" . h2_text($method) . "\x04" . h2_text($path)
               . "\x01" . h2_text('x');

    $self->{next} += 2;
    $fields .= "\x00" . h2_text($_) . h2_text($headers->{$_})
        for sort keys %$headers;

    $self->{socket}->syswrite(frame(HEADERS, END_HEADERS
                                    | ($last ? END_STREAM : 0), $stream,
                                    $fields));
    return $stream;
}


sub more {
    my ($self, $stream, $piece, $last) = @_;
    my ($flags, $payload) = ref($piece) ? @$piece : (0, $piece);

    $self->{socket}->syswrite(frame(DATA, $flags | ($last ? END_STREAM : 0),
                                    $stream, $payload));
    return;
}


# Waits for the ends of these streams, five seconds for each.
sub answers {
    my ($self, @streams) = @_;
    my $socket = $self->{socket};

    while (grep { !$self->{ended}{$_} } @streams) {
        IO::Select->new($socket)->can_read(5) or last;
        $socket->sysread($self->{in}, 65536, length($self->{in})) or last;

        while (length($self->{in}) >= 9) {
            my ($high, $low, $type, $flags, $stream) =
                unpack('CnCCN', $self->{in});
            my $length = $high << 16 | $low;

            last if length($self->{in}) < 9 + $length;
            $self->take($type, $flags, $stream, substr($self->{in}, 9,
                                                       $length));
            substr($self->{in}, 0, 9 + $length, '');
        }
    }

    return map { $_ => $self->{status}{$_} // 'none' } @streams;
}


sub take {
    my ($self, $type, $flags, $stream, $payload) = @_;

    if ($type == HEADERS) {
        $payload =~ s/^[\x20-\x3f]+//;
        $self->{status}{$stream} //= $indexed{ord($payload)}
            // ($payload =~ /^\x48\x03(\d{3})/ ? $1 : 'unknown');
    }

    $self->{status}{$stream} //= 'reset' if $type == RST_STREAM;
    $self->{ended}{$stream} = 1
        if $type == RST_STREAM || ($type < 2 && $flags & END_STREAM);
    $self->{socket}->syswrite(frame(SETTINGS, ACK, 0, ''))
        if $type == SETTINGS && !($flags & ACK);
    return;
}


1;
