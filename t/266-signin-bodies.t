#!/usr/bin/perl

# Copyright (C) Keepers

# What is typed to sign in is short: a body of more than 4 KB is 413 before
# Redis or the writer hear of it, in whatever way it comes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Keepers::Test;
use Test::More;

my $MAX = 4096;

my $p = start_platform(conf => sub {
    my ($file) = @_;

    spew($file, slurp($file) =~ s{(server_name  _;)}
                                 {$1 lingering_timeout 1s;}r, 0644);
});
my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
               @{sign_in($p)->cookie_jar->all};

# What each location answers to a body that it has read.
my %read = ('/signin' => 401, '/forgot' => 200, '/reset' => 410,
            '/step-up' => 401, '/api/v1/password' => 403);
my %fields = (
    '/signin'   => 'email=canary-nobody%40example.org&password=wrong',
    '/forgot'   => 'email=canary-nobody%40example.org',
    '/reset'    => 'token=' . 'A' x 43 . '&new=a-long-one-that-is-none',
    '/step-up'  => 'password=wrong',
    '/api/v1/password' => 'current=wrong&new=a-long-one-that-is-none',
);


# The fields of a path, and what nobody asked for behind them.
sub body {
    my ($path, $length) = @_;
    my $text = "$fields{$path}&pad=";

    return $text . 'x' x ($length - length($text));
}


sub head {
    my ($path, @more) = @_;

    return join("\r\n", "POST $path HTTP/1.1", 'Host: x',
                'Connection: close', "Cookie: keepers=$cookie",
                'Sec-Fetch-Site: same-origin',
                'Content-Type: application/x-www-form-urlencoded', @more, '',
                '');
}


sub plain {
    my ($path, $length) = @_;

    return head($path, "Content-Length: $length") . body($path, $length);
}


# In three pieces, of which none is too much.
sub chunked {
    my ($path, $length) = @_;
    my $body = body($path, $length);
    my @chunks = (substr($body, 0, 1000), substr($body, 1000, 3000),
                  substr($body, 4000));

    return head($path, 'Transfer-Encoding: chunked')
           . join('', map { sprintf("%x\r\n%s\r\n", length($_), $_) }
                      grep { length($_) } @chunks)
           . "0\r\n\r\n";
}


# The statuses of what is answered to a head, and then to a body if nginx asks
# for it; nginx reads on for a while when it has refused one.
sub statuses {
    my ($head, $body) = @_;
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $p->{nginx}{port}) or die("nginx: $!\n");
    my $answer = '';

    local $SIG{PIPE} = 'IGNORE';
    $client->syswrite($head);

    while ($answer !~ m{^HTTP/1\.1 (?!100).*?\r\n\r\n}ms
           && IO::Select->new($client)->can_read(20))
    {
        $client->sysread($answer, 65536, length($answer)) or last;
        $client->syswrite($body) if $answer =~ m{^HTTP/1\.1 100 .*\r\n\r\n\z};
    }

    return join(' ', $answer =~ m{^HTTP/1\.1 (\d+)}mg);
}


sub status { return statuses($_[0]) }


# Who asks first whether to send it.
sub asking {
    my ($path, $length) = @_;

    return statuses(head($path, "Content-Length: $length",
                         'Expect: 100-continue'), body($path, $length));
}


# Commands that Redis was given on behalf of somebody.
sub commands {
    my $text = redis_cli($p->{redis}, qw(info commandstats));
    my $n = 0;

    $n += $1 while $text =~ /^cmdstat_(?:evalsha|m?get|set):calls=(\d+)/mg;
    return $n;
}


# The session of a step-up is known before its body is looked at.
subtest 'too long' => sub {
    my $before = commands();

    pause($p->{writer});

    for my $path (sort keys %read) {
        is(status(plain($path, $_)), 413, "$path: $_ bytes")
            for $MAX + 1, 20000;
        is(status(chunked($path, $MAX + 1)), 413, '... in chunks')
            if $path !~ /step-up|password/;
        is(asking($path, $MAX + 1), '413', '... asked for first');
    }

    is(commands(), $before, 'Redis was not asked');

    is(status(chunked($_, $MAX + 1)), 413, "$_: in chunks")
        for '/step-up', '/api/v1/password';
    resume($p->{writer});
};

subtest 'long enough' => sub {
    my $before = commands();

    for my $path (sort keys %read) {
        is(status(plain($path, $MAX - 1)), $read{$path}, "$path: one less");
        is(status(plain($path, $MAX)), $read{$path}, '... the limit');
        is(status(chunked($path, $MAX)), $read{$path}, '... in chunks');
        is(asking($path, $MAX), "100 $read{$path}", '... asked for first');
    }

    cmp_ok(commands(), '>', $before, 'Redis was asked');
};

subtest 'what else is said of the size' => sub {
    my $nginx = start_nginx(<<'END');
    keepers_zone              1m;
    keepers_key_file          %%KEYS%%/edge.keys;
    keepers_writer_key        %%KEYS%%/writer.pub;
    keepers_redis             unix:%%REDIS%%;
    client_max_body_size      1m;

    server {
        listen 127.0.0.1:%%PORT%%;

        location = /much {
            keepers_signup_body_size  16k;
            keepers_signin            /writer;
        }

        location = /little {
            keepers_signup_body_size  1k;
            keepers_signin            /writer;
        }

        location = /writer { internal; proxy_pass http://127.0.0.1:9; }
    }
END
    my $status = sub {
        return ua()->post("$nginx->{url}/$_[0]" => {
            'Content-Type' => 'application/x-www-form-urlencoded' }
            => body('/signin', $_[1]))->res->code;
    };

    is($status->('much', $MAX + 1), 413, 'more is not to be had');
    is($status->('much', $MAX), 503, '... than that');
    is($status->('little', 1025), 413, 'less is');
    is($status->('little', 1024), 503, '... down to a byte');
};

done_testing();
