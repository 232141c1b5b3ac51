#!/usr/bin/perl

# Copyright (C) Keepers

# Whatever goes wrong between a customer and the writer, nothing that was typed
# is lost, nothing is stored twice, and nothing of the writer's own answer is
# seen.  And a body may come in any shape that HTTP allows.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Keepers::Test;
use Mojo::Parameters;
use Test::More;


my $dir = work_dir();
my $fake = "$dir/fake.sock";
my $h2 = free_port();
my $test = $$;
my $server = fake_writer();

END { kill('TERM', -$server) if $server && $$ == $test }

# nginx asks our own writer; the real one publishes the links
my $p = start_platform(limits => 'off', conf => sub {
    my ($file) = @_;
    my $keepers = $file =~ s/nginx\.conf$/keepers.conf/r;
    my $locations = $file =~ s/nginx\.conf$/keepers-locations.conf/r;

    conf_change($keepers, qr/server\s+unix:\S+ /, "server unix:$fake ");
    conf_change($locations, qr/proxy_read_timeout .*?;/, 'proxy_read_timeout 2s;');

    # without a spool: it is t/360
    conf_change($locations, qr/error_page\s+502 503 504 = \@keepers_spool;/, '');
    conf_change($file, qr/(listen .*?;)/, "\$1 listen 127.0.0.1:$h2 http2;");

    # a log of a host's own, and how hosts had to name the writer's path before
    conf_change($file, qr/(sendfile .*?;)/, "\$1 log_format uri "
           . "'\$status \$uri [\$args] \$request_uri';"
           . " access_log $dir/uri.log uri;");
    conf_change($locations, qr/(location = \/signin \{)/,
           'location ~ "^/old/(?<keepers_slug>[^/]+)$" {'
           . ' keepers_link $keepers_slug;'
           . ' proxy_pass http://keepers_writer/v1/signups$is_args; }'
           . join('', map {
                 " location $_ { keepers_link corner-coffee;"
                 . ' proxy_pass http://keepers_writer/v1/signups; }'
             } '= /join', '= /here/corner-street', '^~ /p/')
           . join('', map {
                 " location = /$_ { keepers_link corner-coffee;"
                 . " proxy_pass http://unix:$dir/none.sock;"
                 . " error_page 502 = \@$_; }"
             } 'told', 'stood')
           . ' location @told { return 200 "[$uri][$args][$request_uri]"; }'
           . " location \@stood { proxy_pass http://unix:$fake; } \$1");
});

my $link = $p->{link_url};
my $type = 'Content-Type: application/x-www-form-urlencoded';
my $post = "POST /l/corner-coffee HTTP/1.1\r\nHost: x\r\n$type\r\n";
my $close = "Connection: close\r\n";
my $last = "GET /l/corner-coffee HTTP/1.1\r\nHost: x\r\n$close\r\n";
my @tokens = map { token(ua()->get($link)->res) } 1 .. 30;
my $inner = qr/X-Known|"known"|inner/i;
my $n = 0;

sleep(3);


# Answers each signup with the status in a file, after as many seconds, and
# appends what it was sent to another.
sub fake_writer {
    my $listen = IO::Socket::UNIX->new(Local => $fake, Listen => 64)
        or die("$fake: $!\n");

    answer('202');
    my $pid = fork() // die("fork: $!\n");
    return $pid if $pid;

    setpgrp(0, 0);
    $SIG{CHLD} = 'IGNORE';

    while (my $client = $listen->accept()) {
        next if fork();
        serve($client);
        POSIX::_exit(0);
    }

    POSIX::_exit(0);
}


sub serve {
    my ($client) = @_;
    my $in = '';

    while ($client->sysread($in, 65536, length($in))) {
        while ($in =~ /^(.*?\r\n\r\n)/s) {
            my $head = $1;
            my ($len) = $head =~ /^content-length: (\d+)/im;

            $len //= 0;
            last if length($in) < length($head) + $len;

            my $body = substr($in, length($head), $len);
            my ($status, $wait) = split(' ', slurp("$dir/answer"));

            substr($in, 0, length($head) + $len) = '';

            if ($head =~ m{^GET /readyz}) {
                $status = 200;

            } else {
                open(my $out, '>>', "$dir/asked");
                print $out $head;
                close($out);
                sleep($wait // 0);
            }

            # of several that come together it says the same
            my $each = "$status X";

            if ($status == 202 && $body =~ s/^KB//) {
                my $n = () = unpack('(n/a)*', $body);

                $each .= "\r\nKeepers-Signups: " . $status x $n;
            }

            $client->syswrite("HTTP/1.1 $each\r\nServer: inner\r\n"
                . "X-Known: yes\r\nContent-Type: application/json\r\n"
                . "Content-Length: 15\r\n\r\n{\"known\":\"yes\"}");
        }
    }
}


sub answer { spew("$dir/answer", $_[0]) }

sub asked { return scalar(() = slurp("$dir/asked") =~ /^POST/mg) }

sub token { return $_[0]->dom->at('[name=token]')->{value} }


sub form {
    my (%change) = @_;

    return { token => shift(@tokens), name => 'Ana',
             email => 'ana' . ++$n . '@example.com', %change };
}


sub body { return Mojo::Parameters->new(%{form()})->to_string }

sub logged { return scalar(() = slurp("$dir/uri.log") =~ /^\Q$_[0]\E$/mg) }

sub post { return ua()->post($link => form => $_[0])->res }


sub json {
    my ($key, $email) = @_;

    return ua()->post($link => { 'Content-Type' => 'application/json',
                                 'Idempotency-Key' => $key }
                      => qq({"name":"Ana","email":"$email"}))->res;
}


sub all_of {
    my ($client) = @_;

    local $/;
    return scalar <$client>;
}


sub statuses { return join(' ', $_[0] =~ m{^HTTP/1\.1 (\d+)}mg) }


subtest 'what the writer is sent' => sub {
    my $form = form();
    my %header = (Cookie => 'a=x', Referer => 'r', 'User-Agent' => 'A phone',
                  Authorization => 'Basic eA==', 'X-Real-IP' => '192.0.2.1',
                  'Accept-Language' => 'de', 'CF-Connecting-IP' => '192.0.2.1',
                  'Sec-CH-UA-Model' => 'phone', Via => 'proxy',
                  'X-Unheard-Of' => 'ana');
    my $res = ua()->post("$link?utm_source=x" => \%header => form => $form)
        ->res;
    my $sent = slurp("$dir/asked");
    my @names = sort(map { lc } $sent =~ /^([\w-]+):/mg);

    is($res->code, 303, 'a signup is received');
    like($sent, qr{^POST /v1/signups HTTP/1\.1\r$}m, 'in its place');
    like($sent, qr{^Content-Type: application/octet-stream\r$}mi, 'sealed');
    is("@names", 'content-length content-type host',
       'and nothing else of the customer');
    unlike($res->to_string, $inner, 'nothing of the answer is seen');
    is($res->headers->location, '/l/corner-coffee/thanks', 'thanked at home');
    ok(logged('303 /l/corner-coffee [utm_source=x] '
              . '/l/corner-coffee?utm_source=x'), 'logged as it was asked for');

    my $asked = asked();

    is(ua()->post($link =~ s{/l/}{/old/}r . '?a=b' => form => form())->res
           ->code, 303, 'a path in proxy_pass');
    is(() = slurp("$dir/asked") =~ m{^POST /v1/signups\?? HTTP/1\.1\r$}mg,
       $asked + 1, 'is the same path');

    for my $path ('/join', '/here/corner-street', '/p/') {
        is(ua()->post("$p->{url}$path" => form => form())->res->code, 303,
           "a path in proxy_pass at $path");
    }

    is(() = slurp("$dir/asked") =~ m{^POST /v1/signups\S* HTTP/1\.1\r$}mg,
       $asked + 4, 'is of the writer');

    # the writer is away at once: its path is of nobody else
    is(ua()->post("$p->{url}/told?a=b" => form => form())->res->body,
       '[/told][a=b][/told?a=b]', 'a page of the host is asked for by its own');
    ua()->post("$p->{url}/stood?a=b" => form => form());
    is(() = slurp("$dir/asked") =~ m{^POST /stood\?a=b HTTP/1\.1\r$}mg, 1,
       'and so is who stands in for the writer');
};

my %want = (202 => 303, 404 => 404, 409 => 410, 422 => 422, 400 => 503,
            302 => 503, 401 => 503, 429 => 503, 500 => 503, 503 => 503);

for my $status (sort keys %want) {
    subtest "the writer says $status" => sub {
        my $form = form();
        my $key = "status-$status";

        answer($status);

        my $res = post($form);
        my $json = json($key, 'a@example.com');

        is($res->code, $want{$status}, 'the form');
        is($json->code, $status == 202 ? 202 : $want{$status}, 'JSON');
        unlike($res->to_string . $json->to_string, $inner, 'is ours');

        if ($want{$status} == 503) {
            is($res->headers->header('Retry-After'), 5, 'try again');
            is($res->dom->at('#email')->{value}, $form->{email}, 'values kept');
            is(token($res), $form->{token}, 'with the same token');
            is($json->json->{code}, 'unavailable', 'with a code');
        }

        answer('202');
        is(post($form)->code, 303, 'later the same form is received');
        is(json($key, 'a@example.com')->code, 202, 'and so is the JSON');
    };
}

allow_log(qr/connect\(\) to unix:\S+fake\.sock failed/);

subtest 'a slow writer' => sub {
    my $form = form();

    answer('202 3');
    is(post($form)->code, 503, 'is not waited for too long');
    answer('202');
    is(post($form)->code, 303, 'later it is received');
};

subtest 'a client that leaves' => sub {
    my $body = '{"name":"Ana","email":"left@example.com"}';
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $p->{nginx}{port});
    my $before = asked();

    answer('202 1');
    $client->syswrite("POST /l/corner-coffee HTTP/1.1\r\nHost: x\r\n"
        . "Content-Type: application/json\r\nIdempotency-Key: left\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body");
    ok(wait_for { asked() > $before }, 'before the answer');
    close($client);
    answer('202');
    ok(wait_for { json('left', 'left@example.com')->code == 202 },
       'may try again at once');
    ok(logged('499 /l/corner-coffee [-] /l/corner-coffee'),
       'and asked for the link');
};

subtest 'repeats' => sub {
    my $form = form();
    my $before = asked();

    is(post($form)->code, 303, 'a form is received');
    is(post($form)->code, 303, 'twice');
    is(asked(), $before + 1, 'and the writer is asked once');

    my @clients = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                              PeerPort => $p->{nginx}{port}) }
                      1 .. 5;
    my $body = body();

    answer('202 1');
    my $len = length($body);

    $_->syswrite("$post${close}Content-Length: $len\r\n\r\n$body")
        for @clients;
    is(join('', map { statuses(all_of($_)) } @clients), '303' x 5,
        'five clicks at once are thanked');
    answer('202');
};

subtest 'shapes of a body' => sub {
    my $body = body();
    my $len = length($body);
    my $port = $p->{nginx}{port};
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port);

    $client->setsockopt(6, 1, 1);
    $client->syswrite($post . $close . "Content-Length: $len\r\n\r\n");

    for my $piece ($body =~ /.{1,20}/sg) {
        $client->syswrite($piece);
        select(undef, undef, undef, 0.01);
    }

    is(statuses(all_of($client)), '303', 'in pieces');

    $body = body();
    $body = join('', map { sprintf("%x\r\n%s\r\n", length, $_) }
                         $body =~ /.{1,20}/sg) . "0\r\n\r\n";
    is(statuses(raw($port, $post . "Transfer-Encoding: chunked\r\n\r\n$body"
                    . $last)), '303 200', 'in chunks, and a request behind it');

    $body = body();
    $len = length($body);
    is(statuses(raw($port, $post . "Content-Length: $len\r\n\r\n$body"
                    . $last)), '303 200', 'with a request behind it');

    $body = body();
    $len = length($body);
    $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
    $client->syswrite($post . "Expect: 100-continue\r\nConnection: close\r\n"
                      . "Content-Length: $len\r\n\r\n");
    $client->sysread(my $first, 1000);
    is(statuses($first), '100', 'when it may');
    $client->syswrite($body);
    is(statuses(all_of($client)), '303', 'it comes');

    for my $case ([$post =~ s/form-url/x-/r, 415], [$post, 403],
                  [$post =~ s/corner-coffee/nobody/r, 404])
    {
        is(statuses(raw($port, "$case->[0]Content-Length: 9\r\n\r\n123456789"
                        . $last)), "$case->[1] 200",
           "refused with $case->[1], and a request behind it");
    }

    my $chunk = sprintf("%x\r\n%s\r\n", 1000, 'x' x 1000);

    like(raw($port, $post . "Transfer-Encoding: chunked\r\n\r\n"
             . $chunk x 20 . "0\r\n\r\n"), qr{^HTTP/1\.1 413 .*no-store}s,
         'too many chunks are refused, in our own words');
};

subtest 'HTTP/2' => sub {
    my $curl = "curl -s -o $dir/out -w '%{http_code} %{http_version}'"
        . ' --http2-prior-knowledge';
    my $url = "http://127.0.0.1:$h2/l/corner-coffee";
    my $body = spew("$dir/body.txt", body());

    is(qx($curl --data \@$body '$url'), '303 2', 'a signup');

    spew($body, body());
    is(qx(cat $body | $curl -T - -X POST -H '$type' '$url'), '303 2',
       'of unknown length');

    is(qx($curl --data a=b '$url'), '403 2', 'refused');
};

subtest 'no writer' => sub {
    my $form = form();

    kill('TERM', -$server);
    waitpid($server, 0);
    unlink($fake);

    my $res = ua()->post("$link?lang=de" => form => $form)->res;

    is($res->code, 503, 'is said');
    is($res->dom->at('#email')->{value}, $form->{email}, 'values kept');
    is($res->dom->at('html')->{lang}, 'de', 'in the language that was asked');
    is($res->dom->at('form[method=post]')->{action},
       '/l/corner-coffee?lang=de', 'of the link');
    ok(logged('503 /l/corner-coffee [lang=de] /l/corner-coffee?lang=de'),
       'which was asked for');

    $server = fake_writer();
    is(post($form)->code, 303, 'when it is back, the same form is received');
};

subtest 'no Redis' => sub {
    my $form = form();

    is(ua()->get($link)->res->code, 200, 'a page that is known');
    kill_hard($p->{redis});
    is(post($form)->code, 303, 'takes a signup');
    restart($p->{redis});
    pause($p->{redis});
    is(post(form())->code, 303, 'also when Redis is silent');
    resume($p->{redis});
};

done_testing();
