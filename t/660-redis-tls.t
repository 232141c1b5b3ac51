#!/usr/bin/perl

# Copyright (C) Keepers

# Redis over TLS: nothing is sent to a server that is not the one we mean, an
# operator reads why, and all that is promised of Redis in the clear holds.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Keepers::Certificates;
use Keepers::Process ();
use Keepers::Test;
use MIME::Base64 qw(encode_base64url);
use Mojo::JSON qw(decode_json);
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep time);


my $dir = work_dir();
my $ca = Keepers::Certificates->new("$dir/tls");
my $other = Keepers::Certificates->new("$dir/other");
my $both = 'IP:127.0.0.1,DNS:redis.test';

my %certificate = (
    good => $ca->issue('good', san => $both),
    name => $ca->issue('name', san => 'DNS:redis.test'),
    wild => $ca->issue('wild', san => 'DNS:*.cafe.test'),
    expired => $ca->issue('expired', san => $both, days => -1),
    client => $ca->issue('client', san => $both, usage => 'clientAuth'),
    self => $ca->self_signed('self', san => $both),
    unknown => $other->issue('unknown', san => $both),
);

my $token = 'v1.' . encode_base64url('x' x 40);
my $tls_port = free_port();
my $plain_port = free_port();

sub tls_conf {
    my ($port) = @_;

    return "tls-port $port\ntls-cert-file $certificate{good}{certificate}\n"
        . "tls-key-file $certificate{good}{key}\n"
        . 'tls-ca-cert-file ' . $ca->file . "\ntls-auth-clients no\n";
}

my $redis = start_redis(conf => tls_conf($tls_port)
                        . "tls-session-caching no\n");


sub server {
    my ($lines, %option) = @_;
    my $to = $option{port} // $tls_port;
    my $trusted = $option{trusted} // $ca->file;
    my $ssl = $option{ssl} // 'ssl';

    $lines = "keepers_redis_ssl_trusted_certificate $trusted;\n$lines"
        if $trusted;

    return start_nginx(<<"END" . <<'END', %option{conf});
    keepers_zone                   2m;
    keepers_key_file               %%KEYS%%/edge.keys;
    keepers_redis                  127.0.0.1:$to $ssl;
    keepers_redis_timeout          300ms;
    keepers_redis_connect_timeout  300ms;
    keepers_session_cookie         keepers insecure;
    $lines
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            keepers_session  required;
        }

        location = /open {
            return 200 "OPEN";
        }

        location = /status {
            keepers_status json;
        }
    }
END
}


# A session that Redis does not have: 401 once it has said so, else 503.
sub code {
    my ($nginx) = @_;

    return ua()->get("$nginx->{url}/" => { Cookie => "keepers=$token" })
               ->res->code // 0;
}


sub status {
    my ($nginx) = @_;

    return decode_json(ua()->get("$nginx->{url}/status")->res->body);
}


sub lines {
    my ($nginx) = @_;

    return grep { /keepers: Redis/ } split(/^/m, slurp($nginx->{error_log}));
}


sub shows {
    my ($name) = @_;

    return redis_cli($redis, 'CONFIG', 'SET',
                     'tls-cert-file', $certificate{$name}{certificate},
                     'tls-key-file', $certificate{$name}{key}) eq 'OK';
}


# Redis with this certificate, nginx with these lines: either it serves, or
# the log says why not, once however often it was tried.
sub meets {
    my ($what, $certificate, $lines, $words, %option) = @_;

    subtest $what => sub {
        ok(shows($certificate), "it shows the certificate \"$certificate\"");

        my $nginx = server($lines, %option);

        if (!$words) {
            ok(wait_for { code($nginx) == 401 }, 'Redis is asked');
            is(scalar lines($nginx), 0, 'nothing is said');
            stop($nginx, 'QUIT');
            return;
        }

        my $tried = wait_for {
            status($nginx)->{keepers_redis_connects_total} >= 5
        };

        ok($tried, 'it is tried again and again');
        is(code($nginx), 503, 'nobody is let in, nobody is signed out');

        my @said = lines($nginx);

        is(scalar @said, 1, 'one line in the log') or diag(@said);
        like($said[0] // '', $words, 'which says why');
        stop($nginx, 'QUIT');
    };

    return;
}


my $refused = qr/is lost: it refuses our certificate, or wants one: see/;

sub own {
    my ($name) = @_;

    return "keepers_redis_ssl_certificate $certificate{$name}{certificate};\n"
         . "keepers_redis_ssl_certificate_key $certificate{$name}{key};\n";
}

meets('its address is in its certificate', 'good', '');
meets('a name', 'name', 'keepers_redis_ssl_name redis.test;');
meets('a wildcard', 'wild',
      'keepers_redis_ssl_name redis.cafe.test;');
meets('not verified', 'self', 'keepers_redis_ssl_verify off;');
meets('another name', 'good', 'keepers_redis_ssl_name other.test;',
      qr/is lost: its certificate is of another name: see "keepers_redis_ssl/);
meets('a name, not the address', 'name', '',
      qr/is lost: its certificate is of another name/);
meets('expired', 'expired', '',
      qr/is lost: its certificate has expired, or is not valid yet/);
meets('self-signed', 'self', '',
      qr/is lost: its certificate is of nobody whom "keepers_redis_ssl_trust/);
meets('another authority', 'unknown', '',
      qr/is lost: its certificate is of nobody whom/);
meets('the authorities of the system', 'good', '',
      qr/is lost: its certificate is of nobody whom/, trusted => '');
meets('a certificate of a client', 'client', '',
      qr/is lost: its certificate is not valid for a server/);

redis_cli($redis, qw(CONFIG SET tls-auth-clients yes));

meets('a certificate is wanted', 'good', own('client'));
meets('a certificate is wanted and missing', 'good', '', $refused);
meets('one of another authority', 'good', own('unknown'), $refused);

redis_cli($redis, qw(CONFIG SET tls-protocols TLSv1.2));

meets('TLS 1.2 with a certificate', 'good', own('client'));
meets('TLS 1.2 without', 'good', '', qr/is lost: the TLS handshake failed/);

redis_cli($redis, qw(CONFIG SET tls-auth-clients no));
meets('TLS 1.2', 'good', '');
redis_cli($redis, 'CONFIG', 'SET', 'tls-protocols', '');

redis_cli($redis, 'CONFIG', 'SET', 'port', $plain_port);

meets('a Redis in the clear behind "ssl"', 'good', '',
      qr/is lost: (?:the|no) TLS handshake .*: does it speak TLS/,
      port => $plain_port);
meets('TLS where we speak in the clear', 'good', '',
      qr/without a reply: where it speaks TLS, add "ssl" to "keepers_redis"/,
      ssl => '', trusted => '');


subtest 'no line of another certificate while one is wrong' => sub {
    ok(shows('expired'), 'it has expired');

    my $nginx = server('');

    ok(wait_for { lines($nginx) == 1 }, 'which is said');
    ok(shows('good'), 'it is renewed');

    my $since = time();

    ok(wait_for { code($nginx) == 401 }, 'and asked again');
    cmp_ok(time() - $since, '<', 5, 'without a reload');
    ok(wait_for { lines($nginx) == 2 }, 'which is said, too');
    like((lines($nginx))[1], qr/is back, lost for \d+ s/, 'in one line');
    stop($nginx, 'QUIT');
};


subtest 'a handshake that stalls' => sub {
    pause($redis);

    my $nginx = server('');

    ok(wait_for { lines($nginx) }, 'it is given up');
    like((lines($nginx))[0], qr/no TLS handshake within "keepers_redis_connect/,
         'and why is said');

    my $since = time();
    my $opened = grep { raw($nginx->{port}, "GET /open HTTP/1.0\r\n\r\n")
                        =~ /OPEN/ } 1 .. 20;

    is($opened, 20, 'whoever needs no Redis is served');
    cmp_ok(time() - $since, '<', 2, 'and does not wait for it');
    is(code($nginx), 503, 'whoever needs it hears so');

    resume($redis);
    $since = time();
    ok(wait_for { code($nginx) == 401 }, 'then it is asked');
    cmp_ok(time() - $since, '<', 5, 'soon');
    stop($nginx, 'QUIT');
};


# --- a platform whose Redis speaks TLS as well, and a node that comes that way

my ($far_port, $near_port) = (free_port(), free_port());
my $stall = "$dir/stall";

my $p = start_platform(limits => 'off', conf => sub {
    my ($file) = @_;
    my $conf = $file =~ s/nginx\.conf$/redis.conf/r;

    spew($conf, slurp($conf) . tls_conf($far_port)
                . "tls-auth-clients yes\n");
});

Keepers::Process::start({
    name => 'relay', log => "$dir/relay.log",
    command => [$^X, "$FindBin::Bin/tools/relay.pl", $near_port, $far_port,
                1000, $stall],
    ready => sub { Keepers::Process::listens($near_port) },
});

my $own = own('client');


sub node {
    my ($to, $lines, $workers) = @_;
    my $limits = join("\n", map { "keepers_limit rule$_;" }
                            $lines =~ /rule(\d)/g);
    my $password = "$p->{dir}/keys/redis-edge.password";

    my $nginx = start_nginx(<<"END" . <<'END');
worker_processes ${\ ($workers // 2)};

events {
    worker_connections 2048;
}

http {
    access_log                     off;
    keepers_zone                   2m;
    keepers_key_file               $p->{dir}/keys/edge.keys;
    keepers_redis                  127.0.0.1:$to user=edge ssl
                                   password_file=$password;
    keepers_redis_timeout          3s;
    keepers_redis_connect_timeout  1s;
    keepers_redis_ssl_trusted_certificate  ${\ $ca->file};
    keepers_session_cookie         keepers insecure;
    $lines
    $own

    server {
        listen 127.0.0.1:%%PORT%%;

        location = /limited {
            $limits
            alias  %%DIR%%/html/page;
        }
END

        location / {
            keepers_session  required;
            alias            %%DIR%%/html/;
        }

        location = /status {
            keepers_status  json;
        }
    }
}
END

    mkdir("$nginx->{dir}/html");
    spew("$nginx->{dir}/html/page", "MARKER\n", 0644);
    return $nginx;
}


sub cookie {
    my ($ua) = @_;

    my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
                   @{$ua->cookie_jar->all};
    return canary($cookie);
}


sub page {
    my ($nginx, $cookie) = @_;

    return ua()->get("$nginx->{url}/page" => { Cookie => "keepers=$cookie" })
               ->res;
}


my $cookie = cookie(sign_in($p));


# So many requests, each on a connection of its own, in one turn of the event
# loop; a function that waits for their statuses.
sub burst {
    my ($nginx, $n, $path, $before) = @_;
    my $request = "GET $path HTTP/1.1\r\nHost: node\r\nConnection: %s\r\n"
                . "Cookie: keepers=$cookie\r\n\r\n";
    my (%code, @sockets);

    for (1 .. $n) {
        my $socket = Keepers::Process::listens($nginx->{port});

        $socket->syswrite(sprintf($request, 'keep-alive'));

        my $first = '';

        while ($first !~ /MARKER/
               && $socket->sysread($first, 4096, length($first))) { }

        push(@sockets, $socket);
    }

    pause($nginx);
    $before->() if $before;
    $_->syswrite(sprintf($request, 'close')) for @sockets;
    resume($nginx);

    return sub {
        for my $socket (@sockets) {
            my $until = time() + 10;
            my $text = '';
            my $n = 1;

            while ($n && time() < $until) {
                next if !IO::Select->new($socket)->can_read(0.1);
                $n = $socket->sysread($text, 4096, length($text));
                $n //= $!{EINTR} ? 1 : 0;
            }

            my ($code) = $text =~ m{^HTTP/1\.1 (\d+)};

            $code //= defined $n ? "none, $n, $!" : 'none';
            $code .= ' MARKER' if $text =~ /MARKER/;
            $code{$code}++;
        }

        return \%code;
    };
}


subtest 'revocation' => sub {
    my $node = node($far_port, 'keepers_session_cache 20s;');
    my @late_s;

    my $all = workers($node) + workers($p->{nginx});
    ok(wait_for {
        redis_cli($p->{redis}, 'PUBSUB', 'NUMSUB', 'keepers:revoke')
            =~ /(\d+)\s*\z/ && $1 == $all && status($node)->{keepers_subscribed}
    }, 'every worker has subscribed');

    for my $round (1 .. 10) {
        my $ua = sign_in($p);
        my $mine = cookie($ua);

        page($node, $mine) for 1 .. 4;
        is(page($node, $mine)->code, 200, 'served') if $round == 1;
        $ua->post("$p->{url}/signout" => { Origin => $p->{url} });

        my $since = time();

        wait_for { page($node, $mine)->code == 401 };
        push(@late_s, time() - $since);
    }

    @late_s = sort { $a <=> $b } @late_s;
    cmp_ok($late_s[5], '<', 0.25, 'a session ends here when it ends there');
    cmp_ok($late_s[-1], '<', 1, 'each of them');
    stop($node, 'QUIT');
};


subtest 'a network that cuts records, and one that is full' => sub {
    my $rules = join("\n", map { "keepers_limit_rule rule$_ key=\$remote_addr "
                                 . 'rate=10000/s burst=10000;' } 1 .. 8);
    my $node = node($near_port, "keepers_session_cache 0;\n$rules", 1);

    ok(wait_for { page($node, $cookie)->code == 200 }, 'served');
    is_deeply(burst($node, 400, '/page')->(), { '200 MARKER' => 400 },
              'many replies, in pieces');

    # what is issued meanwhile fills the socket: a record stays half written
    my $end = burst($node, 400, '/limited', sub { spew($stall, '') });

    sleep(0.3);
    unlink($stall);

    is_deeply($end->(), { '200 MARKER' => 400 }, 'many commands, later');
    is(scalar(grep { /keepers: Redis/ } slurp($node->{error_log})), 0,
       'and no connection was lost');
    stop($node, 'QUIT');
};


subtest 'a reload, a renewal, a restart' => sub {
    my $node = node($far_port, 'keepers_session_cache 0;');
    my (%code, $stop);

    ok(wait_for { page($node, $cookie)->code == 200 }, 'served');

    my $one;
    my $ua = ua()->max_connections(0);

    $one = sub {
        return Mojo::Promise->resolve if $stop;

        return $ua->get_p("$node->{url}/page" =>
                          { Cookie => "keepers=$cookie" })->then(sub {
            $code{$_[0]->res->code // 'none'}++;
        }, sub { $code{'cut off'}++ })->then($one);
    };

    my $until = time() + 3;
    my $reloads = 0;

    # our certificate is another one from the second reload on
    my $renewed = $ca->issue('client', san => $both, usage => 'clientAuth');

    my $timer = Mojo::IOLoop->recurring(0.5 => sub {
        $stop = 1 if time() > $until;
        $reloads++ if !$stop && kill('HUP', $node->{pid});
    });

    Mojo::Promise->all(map { $one->() } 1 .. 8)->wait;
    Mojo::IOLoop->remove($timer);

    cmp_ok($reloads, '>=', 4, "$reloads reloads under load");
    is_deeply([keys %code], [200], 'every request was answered with the page')
        or diag(explain(\%code));

    # one that Redis refuses, and after a reload one that it takes
    spew($renewed->{$_}, slurp($certificate{unknown}{$_}))
        for qw(certificate key);
    reload($node);
    is(page($node, $cookie)->code, 503, 'a certificate that is refused');
    $ca->issue('client', san => $both, usage => 'clientAuth');
    reload($node);
    is(page($node, $cookie)->code, 200, 'its successor, after a reload');

    restart($p->{redis});
    my $since = time();

    ok(wait_for { page($node, $cookie)->code == 200 }, 'Redis has restarted');
    cmp_ok(time() - $since, '<', 5, 'and is asked again');
    stop($node, 'QUIT');
};


done_testing();
