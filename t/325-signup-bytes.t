#!/usr/bin/perl

# Copyright (C) Keepers

# A signup may come in any pieces that HTTP allows, and what HTTP does not
# allow is refused: whatever it was, the request behind it on the connection
# gets its own answer, or none, and nobody waits for somebody's slow body.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Keepers::Http2;
use Keepers::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $h2 = free_port();
my $p = start_platform(limits => 'off', conf => sub {
    my ($file) = @_;

    spew($file, slurp($file) =~ s{(listen .*?;)}
        {$1 listen 127.0.0.1:$h2 http2; client_body_timeout 1s;}r, 0644);
});
my $port = $p->{nginx}{port};
my $path = '/l/corner-coffee';
my $last = "GET $path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
my $smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
my $n = 0;
my $owner = sign_in($p);


# A signup that nobody has sent before, always as long.
sub body {
    return sprintf('{"name":"Ana","email":"canary-%05d@example.org"}', ++$n);
}


sub head {
    my (@more) = @_;

    return join("\r\n", "POST $path HTTP/1.1", 'Host: x',
                'Content-Type: application/json', "Idempotency-Key: k$n",
                @more, '', '');
}


sub whole {
    my ($body) = @_;

    return head('Content-Length: ' . length($body)) . $body;
}


sub chunked { return head('Transfer-Encoding: chunked') }

sub chunk { return sprintf("%x\r\n%s\r\n", length($_[0]), $_[0]) }

# A body of JSON ends without a line of its own.
sub statuses { return join(' ', $_[0] =~ m{(?:^|\})HTTP/1\.1 (\d+)}mg) }

sub client {
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die("nginx: $!\n");

    $client->setsockopt(6, 1, 1);           # each write is a packet
    return $client;
}


# All that comes until nginx closes.
sub rest {
    my ($client, $wait_s) = @_;
    my $answer = '';

    while (IO::Select->new($client)->can_read($wait_s // 5)) {
        $client->sysread($answer, 65536, length($answer)) or return $answer;
    }

    return "$answer\nHTTP/1.1 000 it hangs";
}


sub said {
    my ($bytes, $wait_s) = @_;
    my $client = client();

    local $SIG{PIPE} = 'IGNORE';
    $client->syswrite($bytes);
    return statuses(rest($client, $wait_s));
}


# How many of the signups that were made since are stored.
sub stored {
    my ($from) = @_;
    my (%there, $next);

    do {
        my $page = $owner->get("$p->{url}/api/v1/customers?limit=200"
                               . ($next ? "&after=$next" : ''))->res->json;

        $there{$_ + 0}++ for map { $_->{email} =~ /canary-(\d+)\@/ }
                                 @{$page->{items}};
        $next = $page->{next};
    } while ($next);

    return scalar(grep { ($there{$_} // 0) == 1 } $from .. $n);
}


subtest 'split at every byte' => sub {
    my $from = $n + 1;
    my $length = length(whole(body()) . $last);
    my (%wrong, $slowest_s);

    for my $at (1 .. $length - 1) {
        my $bytes = whole(body()) . $last;
        my $client = client();
        my $start = time();

        $client->syswrite(substr($bytes, 0, $at));
        sleep(0.002);
        $client->syswrite(substr($bytes, $at));

        my $statuses = statuses(rest($client));
        my $took_s = time() - $start;

        $wrong{$at} = $statuses if $statuses ne '202 200';
        $slowest_s = $took_s if $took_s > ($slowest_s // 0);
    }

    is_deeply(\%wrong, {}, ($length - 1) . ' ways: received, and the next too');
    cmp_ok($slowest_s, '<', 1, 'in less than a second');
    is(stored($from + 1), $length - 1, 'and each is stored, once');
};


subtest 'chunks' => sub {
    my $from = $n + 1;
    my %wrong;
    my $length = length(body());

    for my $at (1 .. $length - 1) {
        my $body = body();
        my $statuses = said(chunked() . chunk(substr($body, 0, $at))
                            . chunk(substr($body, $at)) . "0\r\n\r\n$last");

        $wrong{$at} = $statuses if $statuses ne '202 200';
    }

    is_deeply(\%wrong, {}, 'in two, cut at every byte');
    is(stored($from + 1), $length - 1, 'each is stored, once');

    my $body = body();
    my $bytes = chunked() . join('', map { chunk($_) } split(//, $body))
                . "0\r\n\r\n$last";

    is(said($bytes), '202 200', 'of a byte each');

    $body = body();
    $bytes = chunked() . chunk($body) . "0\r\n\r\n$last";

    my $client = client();

    for my $byte (split(//, $bytes)) {
        $client->syswrite($byte);
    }

    is(statuses(rest($client)), '202 200', 'each byte in a packet');

    $body = body();
    is(said(chunked() . sprintf("%04X;a=b;c=\"d\"\r\n%s\r\n", length($body),
            $body) . "000\r\nX-Trailer: x\r\n\r\n$last"), '202 200',
       'with extensions, and a trailer');
    is(stored($n - 2), 3, 'and these are stored');
};


# What two servers may read in two ways ends the connection.
subtest 'what is behind it is not a request' => sub {
    my $from = $n + 1;
    my $te = 'Transfer-Encoding';
    my $length = sub { 'Content-Length: ' . length($_[0]) };
    my %case = (
        'a length, and chunks' => sub {
            head($length->($_[0]), "$te: chunked") . chunk($_[0]) . "0\r\n\r\n"
        },
        'chunks, and a length' => sub {
            head("$te: chunked", 'Content-Length: 3') . chunk($_[0])
            . "0\r\n\r\n"
        },
        'two lengths' => sub {
            head($length->($_[0]), 'Content-Length: 3') . $_[0]
        },
        'a length twice' => sub {
            head($length->($_[0]), $length->($_[0])) . $_[0]
        },
        'a list of lengths' => sub {
            head($length->($_[0]) . ', ' . length($_[0])) . $_[0]
        },
        'a length with a sign' => sub {
            head('Content-Length: +' . length($_[0])) . $_[0]
        },
        'a negative length' => sub { head('Content-Length: -1') . $_[0] },
        'a length in hexadecimal' => sub {
            head(sprintf('Content-Length: 0x%x', length($_[0]))) . $_[0]
        },
        'a length without digits' => sub { head('Content-Length: ') . $_[0] },
        'a length beyond all numbers' => sub {
            head('Content-Length: 99999999999999999999') . $_[0]
        },
        'a blank before the colon' => sub {
            head('Content-Length : ' . length($_[0])) . $_[0]
        },
        'a header that is folded' => sub {
            head($te . ":\r\n chunked") . chunk($_[0]) . "0\r\n\r\n"
        },
        'another coding' => sub {
            head("$te: xchunked") . chunk($_[0]) . "0\r\n\r\n"
        },
        'a list of codings' => sub {
            head("$te: gzip, chunked") . chunk($_[0]) . "0\r\n\r\n"
        },
        'a coding twice' => sub {
            head("$te: chunked", "$te: identity") . chunk($_[0]) . "0\r\n\r\n"
        },
        'a NUL in a header' => sub {
            head("X: a\0b", $length->($_[0])) . $_[0]
        },
        'chunks in HTTP/1.0' => sub {
            (chunked() =~ s/HTTP\/1\.1/HTTP\/1.0/r) . chunk($_[0]) . "0\r\n\r\n"
        },
        'a chunk without a size' => sub { chunked() . "\r\n$_[0]\r\n0\r\n\r\n" },
        'a chunk of size g' => sub { chunked() . "g\r\n$_[0]\r\n0\r\n\r\n" },
        'a chunk of size -1' => sub { chunked() . "-1\r\n$_[0]\r\n0\r\n\r\n" },
        'a chunk of size 0x5' => sub { chunked() . "0x5\r\nabcde\r\n0\r\n\r\n" },
        'a chunk beyond all numbers' => sub {
            chunked() . 'f' x 17 . "\r\n$_[0]\r\n0\r\n\r\n"
        },
        'a chunk that is longer than it says' => sub {
            chunked() . "5\r\n$_[0]\r\n0\r\n\r\n"
        });

    for my $case (sort keys %case) {
        my $bytes = $case{$case}->(body());
        my $client = client();

        local $SIG{PIPE} = 'IGNORE';
        $client->syswrite($bytes . $smuggled);

        my $answer = rest($client);

        like(statuses($answer), qr/^(400|413|501)$/, "$case: refused, alone");
        unlike($answer, qr/"status":"ok"/, "$case: nothing behind it is done");
    }

    is(stored($from), 0, 'and none of them is a signup');
    is(said(whole(body()) . "nonsense\r\n\r\n$smuggled"), '202 400',
       'what is behind a body that is right is looked at alone');
};


subtest 'Expect' => sub {
    my $client = client();
    my $body = body();
    my $expect = 'Expect: 100-continue';
    my $length = 'Content-Length: ' . length($body);

    $client->syswrite(head($length, $expect));
    $client->sysread(my $first, 1000);
    is(statuses($first), '100', 'is told to go on');
    $client->syswrite($body . $last);
    is(statuses(rest($client)), '202 200', 'received, and the next too');

    $body = body();
    is(said(head($length, $expect) . $body . $last), '100 202 200',
       'who does not wait is received as well');

    $client = client();
    $body = body();
    $client->syswrite(head('Transfer-Encoding: chunked', $expect));
    $client->sysread($first, 1000);
    is(statuses($first), '100', 'in chunks');
    $client->syswrite(chunk($body) . "0\r\n\r\n$last");
    is(statuses(rest($client)), '202 200', 'as well');

    # nginx says 100 to all of them, for it reads what it does not want; but
    # the answer comes without the body
    my %refused = (415 => sub { $_[0] =~ s{application/json}{text/plain}r },
                   400 => sub { $_[0] =~ s{Idempotency-Key}{X}r },
                   404 => sub { $_[0] =~ s{corner-coffee}{none}r });

    for my $status (sort keys %refused) {
        $body = body();
        $client = client();
        $client->syswrite($refused{$status}->(head('Content-Length: '
                                                   . length($body), $expect)));
        is(answered($client, $status), "100 $status", "$status, at once");
        $client->syswrite($body . $last);
        is(statuses(rest($client)), '200', 'the body is no request, what is'
           . ' behind it is one');
    }

    $client = client();
    $client->syswrite(head('Content-Length: 999999', $expect));
    is(answered($client, 413), '413', 'too much is not asked for');
};


# What came up to that status, within a second.
sub answered {
    my ($client, $status) = @_;
    my $answer = '';

    while (statuses($answer) !~ /\b$status\b/) {
        IO::Select->new($client)->can_read(1) or last;
        $client->sysread($answer, 65536, length($answer)) or last;
    }

    # the rest of it, so that what comes next is of the next
    while (IO::Select->new($client)->can_read(0.1)) {
        $client->sysread($answer, 65536, length($answer)) or last;
    }

    return statuses($answer);
}


subtest 'pipelining' => sub {
    my $from = $n + 1;
    my ($bytes, @want) = '';

    for my $round (1 .. 8) {
        my $get = $last =~ s/Connection: close\r\n//r;

        $bytes .= whole(body()) . $get;
        push(@want, 202, 200);

        for my $case ([422 => '{"email":"x"}'], [400 => '{'],
                      [400 => '{"email":"a","email":"b"}'])
        {
            $n++;
            $bytes .= whole($case->[1]);
            push(@want, $case->[0]);
        }

        $bytes .= whole(body()) =~ s{application/json}{text/plain}r;
        push(@want, 415);
        $bytes .= whole(body()) =~ s{corner-coffee}{none}r;
        push(@want, 404);

        my $body = body();

        $bytes .= chunked() . chunk($body) . "0\r\n\r\n";
        push(@want, 202);
    }

    is(said($bytes . $last), "@want 200", 'each gets its own answer, in order');
    is(stored($from), 16, 'and the right ones are stored');
};


subtest 'slow bodies' => sub {
    my @slow = map { client() } 1 .. 60;
    my $from = $n + 1;

    for my $i (0 .. $#slow) {
        my $bytes = whole(body());
        my $gone = index($bytes, "\r\n\r\n") + 4 + $i % 20;

        $slow[$i]->syswrite(substr($bytes, 0, $gone));
    }

    my $start = time();

    is(said(whole(body()) . $last), '202 200', 'are in nobody\'s way');
    cmp_ok(time() - $start, '<', 1, 'who is served at once');

    # nginx has no words for them
    is(join('', map { rest($_) } @slow), '', 'and are ended');
    cmp_ok(time() - $start, '<', 4, 'when their time is over');
    is(scalar(my @said = slurp($p->{access_log}) =~ / 408 /g), 60,
       'which the log says');
    is(stored($from), 1, 'none of them was a signup');
};


# Who sends a byte now and then has no more time than who sends none.
subtest 'a byte at a time' => sub {
    my $from = $n + 1;
    my %head = (signup => head('Content-Length: 900'),
                chunked => chunked(),
                'sign-in' => "POST /signin HTTP/1.1\r\nHost: x\r\nOrigin: "
                    . "http://x\r\nContent-Type: application/x-www-form-"
                    . "urlencoded\r\nContent-Length: 900\r\n\r\n");

    for my $what (sort keys %head) {
        my $client = client();
        my $start = time();
        my $answer = '';

        local $SIG{PIPE} = 'IGNORE';
        $client->syswrite($head{$what});

        while (time() - $start < 5) {
            $client->syswrite($what eq 'chunked' ? chunk('{') : 'x') or last;
            IO::Select->new($client)->can_read(0.2) or next;
            $client->sysread($answer, 65536, length($answer)) or last;
        }

        cmp_ok(time() - $start, '<', 3, "$what: ended, when its time is over");
        cmp_ok(time() - $start, '>', 0.9, "$what: and not before");
        is($answer, '', "$what: without a word");
    }

    my $body = body();
    my $client = client();

    $client->syswrite(head('Content-Length: ' . length($body)));

    for my $piece ($body =~ /.{1,16}/g) {
        sleep(0.15);
        $client->syswrite($piece);
    }

    $client->syswrite($last);
    is(statuses(rest($client)), '202 200', 'who is slow, but in time, joins');
    sleep(1.2);
    is(said(whole(body()) . $last), '202 200', 'and nothing comes of it later');

    my $h2_client = Keepers::Http2->new($h2);
    my $stream = $h2_client->open(POST => $path, { 'idempotency-key' => 'slow',
        'content-type' => 'application/json' });

    # a signup that is whole after two seconds
    for my $piece (split(//, ' ' x 8 . '{}')) {
        sleep(0.2);
        $h2_client->more($stream, $piece, $piece eq '}');
    }

    my ($end) = reverse($h2_client->answers($stream));

    is($end, 'reset', 'HTTP/2: the stream is ended before that');

    my $get = $h2_client->ask(GET => $path, {});

    is({ $h2_client->answers($get) }->{$get}, 200, 'HTTP/2: the next is right');
    is(stored($from), 2, 'two of them were signups');
};


subtest 'HTTP/2' => sub {
    my $from = $n + 1;
    my $client = Keepers::Http2->new($h2);
    my $head = sub {
        return { 'content-type' => 'application/json',
                 'idempotency-key' => "k$n", @_ };
    };
    my $ask = sub {
        my ($headers, @body) = @_;

        return $client->ask(POST => $path, $headers, @body);
    };
    my $length = length(body());
    my %wrong;

    for my $at (1 .. $length - 1) {
        my $body = body();
        my $stream = $ask->($head->(), substr($body, 0, $at),
                            substr($body, $at));
        my ($status) = reverse($client->answers($stream));

        $wrong{$at} = $status if $status ne '202';
    }

    is_deeply(\%wrong, {}, 'in two frames, cut at every byte');
    is(stored($from + 1), $length - 1, 'each is stored, once');

    my $body = body();
    my %status;
    my $one = sub {
        my ($want, $what, @asked) = @_;
        my ($status) = reverse($client->answers($ask->(@asked)));

        is($status, $want, $what);

        # the stream behind it, on the same connection
        my $get = $client->ask(GET => $path, {});

        is({ $client->answers($get) }->{$get}, 200, "$what: the next is right");
    };

    $one->(202, 'of a byte each', $head->(), split(//, $body));
    $body = body();
    $one->(202, 'with a length', $head->('content-length' => length($body)),
           $body);
    $body = body();
    $one->(202, 'padded', $head->(), map { [Keepers::Http2::PADDED,
        "\x05$_" . "\0" x 5] } $body =~ /.{1,9}/g);
    $body = body();
    $one->(202, 'with empty frames', $head->(), '', substr($body, 0, 9), '',
           substr($body, 9), '');
    $from = $n + 1;
    $body = body();
    $one->(400, 'shorter than it says',
           $head->('content-length' => length($body) + 9), $body);
    $body = body();
    $one->(400, 'longer than it says',
           $head->('content-length' => length($body) - 9), $body);
    $body = body();
    $one->(400, 'without a body', $head->());
    $body = body();
    $one->(413, 'too long', $head->(), map { 'x' x 4000 } 1 .. 5);
    $one->(415, 'of another type', $head->('content-type' => 'text/plain'),
           $body);
    is(stored($from), 0, 'of the wrong ones none is a signup');
};

is(ua()->get("$p->{url}/readyz")->res->code, 200, 'all are well');

done_testing();
