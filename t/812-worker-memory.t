#!/usr/bin/perl

# Copyright (C) Keepers

# A worker that has nothing to do remembers nobody: its memory is searched for
# all that was typed, and for every proof that came, however it came and
# whatever became of it.  (Files: 810.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Certificates;
use Keepers::Memory;
use Keepers::Process;
use Keepers::Test;
use Test::More;
use Time::HiRes qw(sleep);


# A sanitizer keeps what is freed: with one, only nobody's crash is looked for.
my $searched = ($ENV{KEEPERS_NGINX} // '') !~ /asan/;

my ($h2, $tls) = (free_port(), free_port());
my $rules = 'keepers_limit_rule tight key=$binary_remote_addr rate=1/d burst=1;'
    . 'keepers_limit_rule wide key=$binary_remote_addr rate=1/s burst=1000;';
my $pair = Keepers::Certificates->new(work_dir() . '/ca')
           ->issue('edge', san => 'IP:127.0.0.1');

my $p = start_platform(limits => 'off', conf => sub {
    my ($file) = @_;
    my $text = slurp($file);

    $text =~ s/worker_processes\s+auto/worker_processes 1/ or die('workers');
    $text =~ s/(listen .*?;)/$1
        listen 127.0.0.1:$h2 http2;
        listen 127.0.0.1:$tls ssl http2;
        ssl_certificate $pair->{certificate};
        ssl_certificate_key $pair->{key};
        gzip on; gzip_types *; gzip_min_length 20;
        location = \/limited {
            keepers_limit tight; proxy_pass http:\/\/keepers_writer;
        }
        location = \/waits {
            keepers_limit wide; proxy_pass http:\/\/keepers_writer;
        }
        location = \/waits-link {
            keepers_limit wide; keepers_link corner-coffee;
            proxy_pass http:\/\/keepers_writer\/v1\/signups;
        }/ or die('listen');
    $text =~ s/(include .*keepers\.conf;)/$1\n$rules/ or die('conf');
    spew($file, $text);
});

my ($worker) = workers($p->{nginx});
my $link = '/l/corner-coffee';
my $form = 'application/x-www-form-urlencoded';
my (%marker, %secret);
my $common = 'ZqOfNobodyElse';
my $new;
my $marks = 0;


# A text that is nowhere else, and what it was.  All have one part in common,
# so that they are searched for at once.
sub mark {
    my ($what) = @_;
    my $some = sub { return join('', map { ('A' .. 'Z', 'a' .. 'z')[rand 52] }
                                     1 .. $_[0]) };
    my $text = $some->(8) . $common . $some->(4);

    $marker{$text} = sprintf('%03d %s', ++$marks, $what);
    return $text;
}


sub secret {
    my ($what, $text) = @_;

    length($text // '') >= 8 or die("there is no $what\n");
    $marker{$text} = $secret{$text} = $what;
    return $text;
}


# What a person types.
sub person {
    my ($what, %change) = @_;
    my %field = (name => mark("name, $what"),
                 email => mark("address, $what") . '@example.org', %change);

    return join('&', map { "$_=$field{$_}" } sort keys %field);
}


sub person_json {
    my ($what) = @_;
    my $name = mark("name, $what");

    # in JSON it is not there before it was decoded
    $name = sprintf('\\u%04x', ord($name)) . substr($name, 1);

    return sprintf('{"name":"%s","email":"%s@example.org"}', $name,
                   mark("address, $what"));
}


sub post {
    my ($path, $body, @header) = @_;

    unshift(@header, "Content-Type: $form") if !grep { /^Content-Type/ } @header;

    return join("\r\n", "POST $path HTTP/1.1", 'Host: ' . $p->{url} =~ s{.*/}{}r,
                "Origin: $p->{url}", 'Content-Length: ' . length($body),
                @header, '', $body);
}


sub chunked {
    my ($path, @parts) = @_;

    return join("\r\n", "POST $path HTTP/1.1", 'Host: x',
                "Content-Type: $form", 'Transfer-Encoding: chunked',
                'Connection: close', '',
                map({ (sprintf('%x', length), $_) } @parts), 0, '', '');
}


sub connection { return listens($_[0] // $p->{nginx}{port}) }


# All answers of a connection to these bytes, each after a while.
sub said {
    my ($socket, @bytes) = @_;

    for my $part (@bytes) {
        $socket->syswrite($part);
        sleep(0.1) if @bytes > 1;
    }

    my $text = '';

    while ($socket->sysread($text, 65536, length($text))) { }

    $socket->close();

    return join(' ', $text =~ m{^HTTP/1\.1 (\d+)}mg);
}


# One answer of a connection that stays open.
sub answer {
    my ($socket, $bytes) = @_;
    my $text = '';

    $socket->syswrite($bytes);

    while ($text !~ /\r\n\r\n/
           || $text =~ /^Content-Length: (\d+)\r\n.*?\r\n\r\n(.*)/is
              && length($2) < $1)
    {
        $socket->sysread($text, 65536, length($text)) or last;
    }

    return $text;
}


sub once {
    my ($bytes) = @_;
    my $socket = connection();

    return answer($socket, $bytes);
}


sub status { return $_[0] =~ m{^HTTP/1\.1 (\d+)} ? $1 : $_[0] }


sub curl {
    my ($url, $body, @option) = @_;
    my $file = spew(work_dir() . '/curl.txt', $body // '');
    my $data = defined $body ? "--data-binary \@$file" : '';

    return qx(curl -sk -m 10 -o /dev/null -w '%{http_code} %{http_version}' \\
              @option $data '$url');
}


sub tokens {
    my ($n) = @_;

    return map { ua()->get($p->{link_url})->res->dom
                 ->at('[name=token]')->{value} } 1 .. $n;
}


# How many clients the worker has a connection with.
sub connected {
    my %own = map { (readlink($_) // '') =~ /^socket:\[(\d+)\]/ ? ($1, 1) : () }
              glob("/proc/$worker/fd/*");

    # state 0A: it listens
    return scalar(grep { my @field = split(' ', $_);
                         $own{$field[9]} && $field[3] ne '0A' }
                  split(/\n/, slurp("/proc/$worker/net/tcp")));
}


# What is in the worker's memory, and stood in a request.
sub left {
    return if !$searched;

    my $memory = Keepers::Memory->of($worker);
    my $any = $memory->has($common);

    return ($memory, grep { ($any || $_ !~ /$common/) && $memory->has($_) }
                     keys %marker);
}


# It gives its memory back just after it has closed a connection.
sub forgotten {
    my ($name) = @_;
    my ($memory, @left);

    wait_for { ($memory, @left) = left(); !@left } 1;

    for my $text (@left) {
        diag("$marker{$text}: $_") for $memory->around($text);
    }

    # once is enough
    return is(join(', ', sort map { delete $marker{$_} } @left), '',
              "$name is forgotten");
}


sub alone {
    my ($name) = @_;

    ok(wait_for { connected() == 0 }, 'nobody is connected')
        if connected() != 0;

    return forgotten($name);
}


sub tried {
    my ($got, $want, $name) = @_;

    is($got, $want, $name);
    return alone($name);
}


my @close = 'Connection: close';
my @json = 'Content-Type: application/json';
my @tokens = tokens(28);

sleep(3);

subtest 'what is searched for is found while it is there' => sub {
    my $socket = connection();
    my ($body, $cookie) = (person('half a body') . '&x=more',
                           mark('cookie, half a body'));

    $socket->syswrite(substr(post($link, $body, "Cookie: keepers=$cookie"),
                             0, -3));

    my ($name) = $body =~ /name=(\w+)/;

    $searched or plan(skip_all => 'nothing is searched');
    ok(wait_for { Keepers::Memory->of($worker)->has($name) },
       'a name whose request waits');
    ok(Keepers::Memory->of($worker)->has($cookie), 'its cookie');
    ok(!Keepers::Memory->of($worker)->has(mark('of nobody')), 'no other');

    $socket = undef;
    alone('what was cut');
};

subtest 'signups' => sub {
    my $f = sub { my ($what) = @_;
                  return person($what) . '&token=' . shift(@tokens) };

    tried(said(connection(), post($link, $f->('a form'), @close)), '303',
       'a form');
    tried(said(connection(), post($link, person('at once', token => tokens(1)),
                               @close)), '200', 'one more tap');
    tried(said(connection(), post($link, person('at once', token => 'forged'),
                               @close, 'Accept-Encoding: gzip')), '403',
       'a false token');
    tried(said(connection(), post($link, person('a fault', email => mark('fault'))
                               . '&token=' . shift(@tokens), @close)), '422',
       'a fault');
    tried(said(connection(), post($link, $f->('twice') . '&name=x', @close)),
       '400', 'a repeated field');
    tried(said(connection(), post($link, person('text'), @close,
                               'Content-Type: text/plain')), '415', 'a type');
    tried(said(connection(), post($link, $f->('large') . '&x=' . 'x' x 20000,
                               @close)), '413', 'too large');
    tried(said(connection(), post('/l/no-such-link', $f->('nowhere'), @close)),
       '404', 'no such link');
    tried(said(connection(), post('/nowhere', $f->('nowhere at all'), @close)),
       '404', 'no such page');
    tried(said(connection(), chunked($link, map { substr($_, 0, 30),
                                                substr($_, 30) }
                                  $f->('chunks'))), '303', 'in chunks');
    tried(said(connection(), post($link, $f->('body apart'), @close)
            =~ /(.*?\r\n\r\n)(.{20})(.*)/s), '303', 'its body in parts');
    tried(said(connection(), post($link, person_json('JSON'), @close, @json,
                               'Idempotency-Key: key-' . mark('key'))), '202',
       'JSON');
    tried(said(connection(), post($link, substr(person_json('half JSON'), 0, -1),
                               @close, @json, 'Idempotency-Key: key-2')),
       '400', 'half of JSON');
    tried(said(connection(), "GET $link?name=" . mark('query')
            . " HTTP/1.1\r\nHost: x\r\n@close\r\n\r\n"), '200', 'a query');
};

# zlib's window, with all of a page, is freed before the request is over
subtest 'what was typed is not compressed' => sub {
    my $gzip = 'Accept-Encoding: gzip';

    like(once("GET $link HTTP/1.1\r\nHost: x\r\n$gzip\r\n\r\n"),
         qr/^Content-Encoding: gzip/mi, 'a page for everybody is');
    unlike(once(post($link, person('gzip', token => 'forged'), $gzip)),
           qr/^Content-Encoding/mi, 'the answer to a form is not');
};

subtest 'signups over a limit' => sub {
    once("GET /limited HTTP/1.1\r\nHost: x\r\n\r\n");

    tried(said(connection(), post('/limited', person('limited'), @close)), '429',
       'with its body');
    tried(said(connection(), post('/limited', person('limited, its body later'),
                               @close) =~ /(.*?\r\n\r\n)(.*)/s), '429',
       'its body later');
    tried(status(once(post('/limited', person('limited, kept')))),
       '429', 'kept alive');
    # answered before its body was read, it is reset, and curl may say so alone
    my $h2_said = curl("http://127.0.0.1:$h2/limited",
                       person('limited, HTTP/2'), '--http2-prior-knowledge');

    tried($h2_said =~ s/^000 0$/429 2/r, '429 2', 'HTTP/2');
};

subtest 'several on a connection' => sub {
    my $f = sub { return person($_[0]) . '&token=' . shift(@tokens) };
    my $long = 'X-Long: ' . 'x' x 3000;
    my $socket = connection();

    for my $n (1 .. 3) {
        is(status(answer($socket, post($link, $f->("kept alive $n")))), '303',
           "one after the other, $n");
        forgotten('of a client that is still connected, it');
    }

    is(status(answer($socket, post($link, $f->('long headers'), $long))),
       '303', 'with long headers');
    is(said($socket, post($link, $f->('after long headers'), @close)), '303',
       'and one after that');
    $socket = undef;
    alone('all that');

    tried(said(connection(), post($link, $f->('pipeline 1'))
            . post($link, $f->('pipeline 2'))
            . post($link, person('pipeline 3'), @close)), '303 303 403',
       'pipelined');
    tried(said(connection(), post($link, $f->('long pipeline 1'), $long)
            . post($link, $f->('long pipeline 2'), $long)
            . post($link, $f->('long pipeline 3'))
            . post($link, $f->('long pipeline 4'), @close)),
       '303 303 303 303', 'pipelined, with long headers');
};

subtest 'clients that leave' => sub {
    my $half = post($link, person('left in its body'));
    my $more = post($link, person('left in its large body') . 'x' x 9000);
    my $cookie = mark('cookie, left in its headers');
    my $bad = mark('cookie, bad request');

    connection()->syswrite(substr($half, 0, -4));
    connection()->syswrite(substr($more, 0, -4));
    connection()->syswrite("GET / HTTP/1.1\r\nCookie: keepers=$cookie\r\nHo");
    tried(said(connection(), "GET / HTTP/1.1\r\nHost: x\r\nCookie: keepers=$bad"
            . "\r\nHost: y\r\n\r\n"), '400', 'or write it wrong');
    tried(said(connection(), 'GET /' . mark('URI, too long') . 'x' x 40000
            . " HTTP/1.1\r\n\r\n"), '414', 'or too long');

    my $cut = connection($h2);
    my $preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . pack('NCN', 0, 4, 0);

    $cut->syswrite(substr($preface, 0, 33));
    like(qx(printf '%s' '@{[person('HTTP\/2, cut')]}' \\
            | timeout 1 curl -s -m 0.3 --limit-rate 20 -T - -X POST \\
              --http2-prior-knowledge -H 'Content-Type: $form' \\
              http://127.0.0.1:$h2$link; echo \$?), qr/\d/, 'in HTTP/2');
};

subtest 'HTTP/2 and TLS' => sub {
    my $f = sub { return person($_[0]) . '&token=' . shift(@tokens) };

    for my $case (['HTTP/2', "http://127.0.0.1:$h2", 2,
                   '--http2-prior-knowledge'],
                  ['TLS', "https://127.0.0.1:$tls", 1.1, '--http1.1'],
                  ['TLS 1.2', "https://127.0.0.1:$tls", 1.1, '--http1.1',
                   '--tls-max 1.2'],
                  ['HTTP/2 over TLS', "https://127.0.0.1:$tls", 2, '--http2'])
    {
        my ($name, $url, $version, @option) = @$case;

        tried(curl("$url$link", $f->($name), @option), "303 $version",
           "$name: a signup");
        tried(curl("$url$link", person("$name, refused"), @option),
           "403 $version", "$name: refused");
        tried(curl("$url$link", 'x=' . 'x' x 13000 . '&'
                   . person("$name, a long form"), @option),
              "403 $version", "$name: a long form");
        tried(curl("$url/waits-link", $f->("$name, Redis first"), @option),
              "303 $version", "$name: its body comes while Redis is asked");
        tried(curl("$url/waits", person("$name, a proxy"), @option),
              "404 $version", "$name: and goes to a proxy");
        tried(curl("$url/", undef, @option, '-H',
                "'Cookie: keepers=" . mark("cookie, $name") . "; b=2'"),
           "302 $version", "$name: a cookie");
        tried(curl("$url/", undef, @option, '-H', "'Authorization: Bearer kp_"
                . mark("token, $name") . "'"), "302 $version",
           "$name: a token");
    }
};

subtest 'sign-ins and sessions' => sub {
    my $in = sub {
        my ($email, $password) = @_;
        my $text = once(post('/signin',
                              "email=$email&password=$password"));

        return (status($text), $text =~ /keepers=v1\.([\w-]{20})/);
    };
    my ($email, $password) = @{$p}{qw(owner_email owner_password)};
    $new = mark('a new password');

    secret('the address of the owner', $email =~ s/\@.*//r);
    secret('the password', $password);

    my ($code, $session) = $in->($email, $password);
    is($code, 303, 'signed in');
    secret('the session', $session);
    is(($in->($email, mark('a wrong password')))[0], 401, 'wrong password');
    is(($in->(mark('unknown') . '@example.org', $password))[0], 401,
       'unknown account');

    my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
                   @{sign_in($p)->cookie_jar->all};
    my $change = qq({"current":"$password","new":"$new"});
    secret('the session of a browser', substr($cookie, 3, 24));
    secret('its end', substr($cookie, -24));

    my $get = sub {
        my ($path, @more) = @_;
        return status(once(join("\r\n", "GET $path HTTP/1.1",
            'Host: x', "Cookie: a=1; keepers=$cookie", @more, '', '')));
    };

    tried($get->('/api/v1/customers'), 200, 'the customers');
    tried($get->('/api/v1/customers', 'Accept-Encoding: gzip'), 200,
       'once more');
    tried($get->('/api/v1/sessions'), 200, 'the sessions');
    tried($get->('/dashboard/'), 200, 'a page');

    for my $long (500, 900, 1500, 7000) {
        tried($get->('/dashboard/', 'Cookie: b=' . 'x' x $long,
                  "Cookie: keepers=$cookie"), 401, "two of them, $long");
        tried(status(once("GET /dashboard/ HTTP/1.1\r\nHost: x\r\n"
            . 'X: ' . 'x' x $long . "\r\nCookie: keepers=$cookie\r\n\r\n")),
           200, "far behind, $long");
    }

    for my $url ("http://127.0.0.1:$h2", "https://127.0.0.1:$tls") {
        tried(curl("$url/api/v1/customers", undef, '--http2-prior-knowledge',
                '-H', "'Cookie: keepers=$cookie'"), '200 2', "by $url");
    }

    my $made = once(post('/api/v1/tokens',
        '{"name":"Till","scopes":"customers.read"}', @json,
        "Cookie: keepers=$cookie"));
    my ($key) = $made =~ /"(kp_\w{60})"/;
    secret('a token', substr($key, 3, 30));

    secret('the end of a token', substr($key, -24));
    is(wait_for { status(once(join("\r\n",
           'GET /api/v1/customers HTTP/1.1', 'Host: x',
           "Authorization: Bearer $key", '', ''))) == 200 }, 1,
       'by a token');
    tried(said(connection(), post('/api/v1/password', $change, @json, @close,
                               "Cookie: keepers=$cookie")), '204',
       'another password');
};

subtest 'the writer' => sub {
    my ($memory, @left);
    my $ua = sign_in($p, undef, $new);

    like($ua->get("$p->{url}/api/v1/customers?q=ZqOf")->res->body,
         qr/$common/, 'has customers');
    $ua = undef;

    return if !$searched;

    wait_for {
        $memory = Keepers::Memory->of($p->{writer}{pid});
        @left = grep { $memory->has($_) } $common, keys %secret;
        return !@left;
    } 2;

    for my $text (@left) {
        diag($_) for $memory->around($text);
    }

    is(join(', ', map { $secret{$_} // 'what was typed' } @left), '',
       'and remembers nobody either');
};

SKIP: {
    skip('nothing is searched', 1) if !$searched;
    cmp_ok(Keepers::Memory->of($worker)->size, '>', 4_000_000,
           'its memory was read');
}

cmp_ok(scalar(keys %marker), '>', 100, 'there was much to remember');

done_testing();
