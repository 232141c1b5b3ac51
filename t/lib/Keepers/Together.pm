package Keepers::Together;

# Copyright (C) Keepers

# Signups that a worker finds all at once, when it looks again.
#
#     my @sockets = together($nginx, map { request($path) } 1 .. 10);
#     my @codes = answers(@sockets);

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use Keepers::Test;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(answers connection request tally together);

my $n = 0;


# A signup as JSON: of "email", under "key"; what has a capital is a header.
sub request {
    my ($path, %o) = @_;
    my $email = $o{email} // 'ana' . ++$n . '@example.com';
    my $key = $o{key} // 'key-' . ++$n;
    my $body = $o{body} // qq({"name":"Ana","email":"$email"});
    my $headers = join('', map { "$_: $o{$_}\r\n" } grep { /^[A-Z]/ }
                           sort keys %o);

    return "POST $path HTTP/1.1\r\nHost: localhost\r\n"
           . "Content-Type: application/json\r\nIdempotency-Key: $key\r\n"
           . $headers . 'Content-Length: ' . length($body)
           . "\r\nConnection: close\r\n\r\n$body";
}


sub connection {
    my ($nginx) = @_;

    return IO::Socket::INET->new("127.0.0.1:$nginx->{port}")
           || die("nginx: $!\n");
}


# All of them are there when the worker looks: they come in one turn.
sub together {
    my ($nginx, @requests) = @_;
    my ($worker) = workers($nginx);
    my @sockets = map { connection($nginx) } @requests;

    # each is accepted, and its first byte is waited for
    wait_for { accepted($worker, @sockets) };
    sleep(0.2);
    kill('STOP', $worker);

    # or it would come back with what it was told of until it stood still
    wait_for { slurp("/proc/$worker/stat") =~ /.*\) T / };
    $sockets[$_]->syswrite($requests[$_]) for 0 .. $#requests;
    sleep(0.1);
    kill('CONT', $worker);
    return @sockets;
}


# Whether the worker has the other end of all of them.
sub accepted {
    my ($worker, @sockets) = @_;
    my %own = map { (readlink($_) // '') =~ /^socket:\[(\d+)\]/ ? ($1, 1) : () }
              glob("/proc/$worker/fd/*");
    my %peer;

    for (split(/\n/, slurp("/proc/$worker/net/tcp"))) {
        my @field = split(' ', $_);

        $peer{hex($1)} = 1
            if $own{$field[9] // ''} && $field[2] =~ /:([0-9A-F]+)$/;
    }

    return !grep { !$peer{$_->sockport} } @sockets;
}


# The status of each, or "none" if it has not come after ten seconds; closed.
sub answers {
    my (@sockets) = @_;

    return map { my $text = '';
                 my $until = time() + 10;

                 while ($text !~ /\r\n\r\n/ && time() < $until) {
                     IO::Select->new($_)->can_read(10) or last;
                     $_->sysread($text, 65536, length($text)) or last;
                 }

                 close($_);
                 $text =~ m{^HTTP/1\.1 (\d+)} ? $1 : 'none' } @sockets;
}


sub tally {
    my %times;

    $times{$_}++ for @_;
    return join(' ', map { "$times{$_} of $_" } sort keys %times);
}

1;
