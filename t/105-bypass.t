#!/usr/bin/perl

# Copyright (C) Keepers

# Every shape of a location that we know, every method and protocol, every kind
# of session that is none: what is protected shows no byte.  With a session it
# shows it, so that each row can fail.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use Keepers::Process ();
use Keepers::Http2 qw(frame h2_text);
use Keepers::Test;
use Test::More;
use Time::HiRes qw(sleep time);


# --- shapes: name, what follows /FAMILY/ in a request, configuration.
# G is the guard, P the path of the family, F its name, H the protected files,
# U the application.  Options: secret, what must not appear (MARKER); never,
# not even with a session, since no main request has proved it; open, what is
# around it is for everybody; needs, a module; query.

my @shapes = (
    ['alias', 'secret.html', 'location P/alias/ { G alias H/; }'],
    ['rooted', '', 'location P/rooted/ { G root D/tree; }'],
    ['autoindex', '', 'location P/autoindex/ { G autoindex on; '
     . 'alias D/list/; }', secret => 'LISTED'],
    ['random', '', 'location P/random/ { G random_index on; alias H/; }',
     needs => 'random_index'],
    ['try', 'x', 'location P/try/ { G root H; '
     . 'try_files /none /secret.html =404; }'],
    ['try-into', 'x', 'location P/try-into/ { try_files /none @F-into; } '
     . 'location @F-into { G root H; try_files /secret.html =404; }'],
    ['try-out', 'x', 'location P/try-out/ { G try_files /none @F-out; } '
     . 'location @F-out { root H; try_files /secret.html =404; }'],
    ['proxy', 'x', 'location P/proxy/ { G proxy_pass U/echo; }'],
    ['last', 'x', 'location P/last/ { rewrite ^ P/alias/secret.html last; }'],
    ['if-last', 'x', 'location P/if-last/ { if ($host) { rewrite ^ '
     . 'P/alias/secret.html last; } }'],
    ['break', 'x', 'location P/break/ { G root H; '
     . 'rewrite ^ /secret.html break; }'],
    ['error', 'x', 'location P/error/ { root D/none; '
     . 'error_page 404 405 = P/error-page/secret.html; } '
     . 'location P/error-page/ { internal; G alias H/; }'],
    ['error-named', 'x', 'location P/error-named/ { root D/none; '
     . 'error_page 404 405 = @F-error; } '
     . 'location @F-error { G root H; try_files /secret.html =404; }'],
    ['error-own', 'secret.html', 'location P/error-own/ { G alias H/; '
     . 'error_page 401 403 405 503 = P/alias/secret.html; }'],
    ['intercept', 'x', 'location P/intercept/ { proxy_intercept_errors on; '
     . 'error_page 404 = P/error-page/secret.html; proxy_pass U/none; }'],
    ['accel', '', 'location P/accel/ { proxy_pass U/accel/F; }'],
    ['accel-own', '', 'location P/accel-own/ { G proxy_pass U/accel/open; }'],
    ['any-deny', 'secret.html', 'location P/any-deny/ { satisfy any; '
     . 'deny all; G alias H/; }'],
    ['any-basic', 'secret.html', 'location P/any-basic/ { satisfy any; '
     . 'auth_basic staff; auth_basic_user_file D/users; G alias H/; }'],
    ['any-request', 'secret.html', 'location P/any-request/ { satisfy any; '
     . 'auth_request /no; G alias H/; }'],
    ['all-request', 'secret.html', 'location P/all-request/ { '
     . 'auth_request /yes; G alias H/; }'],
    ['request-into', 'secret.html', 'location P/request-into/ { '
     . 'auth_request P/alias/secret.html; alias H/; }', never => 1],
    ['nested', 'in/secret.html', 'location P/nested/ { G '
     . 'location P/nested/in/ { alias H/; } }'],
    ['nested-regex', 'in/secret.html', 'location P/nested-regex/ { G '
     . 'location ~ /in/([a-z.]+)$ { alias H/$1; } }'],
    ['regex', 'secret.html', 'location ~ ^P/regex/([a-z.]+)$ { G '
     . 'alias H/$1; }'],
    ['exact', 'x', 'location = P/exact/x { G alias H/secret.html; }'],
    ['prefix', 'secret.html', 'location ^~ P/prefix/ { G alias H/; }'],
    ['except', 'secret.html', 'location P/except/ { G root D/tree; '
     . 'limit_except GET POST { deny all; } }'],
    ['except-open', 'secret.html', 'location P/except-open/ { G '
     . 'root D/tree; limit_except POST { allow all; } }'],
    ['if', 'secret.html?x=1', 'location P/if/ { G root D/tree; '
     . 'if ($arg_x) { set $y 1; } }'],
    ['if-break', 'secret.html?x=1', 'location P/if-break/ { G root D/tree; '
     . 'if ($arg_x) { break; } }'],
    ['ssi-into', 'page.html', 'location P/ssi-into/ { ssi on; '
     . 'alias D/ssi/F/; }', never => 1, open => 1],
    ['ssi', 'page.html', 'location P/ssi/ { G ssi on; alias D/ssi/F/; }'],
    ['ssi-more', 'page.html', 'location P/ssi-more/ { '
     . 'keepers_session required; ssi on; alias D/ssi/F/; }', open => 1],
    ['mirror-into', 'public.html', 'location P/mirror-into/ { '
     . 'mirror P/mirrored; alias D/public/; } '
     . 'location = P/mirrored { internal; G proxy_pass U/mirrored; }',
     mirrored => 1, open => 1],
    ['ssi-all', 'all.html', 'location P/ssi-all/ { ssi on; '
     . 'alias D/ssi/F/; }', never => 1, open => 1,
     secret => 'MARKER|LISTED|GIF89a|Active connections'],
    ['add-into', 'public.html', 'location P/add-into/ { '
     . 'add_after_body P/alias/secret.html; alias D/public/; }',
     never => 1, open => 1, needs => 'addition'],
    ['add', 'public.html', 'location P/add/ { G add_before_body '
     . 'P/alias/secret.html; alias D/public/; }', needs => 'addition'],
    ['slice', 'secret.html', 'location P/slice/ { G slice 16; '
     . 'proxy_set_header Range $slice_range; proxy_http_version 1.1; '
     . 'proxy_pass U/files/; }', needs => 'slice'],
    ['sub', 'public.html', 'location P/sub/ { G sub_filter PUBLIC MARKER; '
     . 'alias D/public/; }', needs => 'sub'],
    ['gif', '', 'location P/gif/ { G empty_gif; }', secret => 'GIF89a'],
    ['stub', '', 'location P/stub/ { G stub_status; }',
     secret => 'Active connections'],
    ['gzip', 'packed.txt', 'location P/gzip/ { G gzip_static always; alias H/; }',
     needs => 'gzip_static'],
    ['cache', 'x', 'location P/cache/ { G proxy_cache cache; '
     . 'proxy_cache_valid any 1m; proxy_pass U/echo; }'],
    ['dav', 'written.html', 'location P/dav/ { G dav_methods PUT DELETE; '
     . 'alias D/dav/F/; }', needs => 'dav'],
    ['files', 'secret.html', 'location P/files/ { G open_file_cache max=9; '
     . 'sendfile on; aio threads; alias H/; }'],
);

# How the same file may be asked for.
my @spellings = ('alias//secret.html', 'alias/./secret.html',
                 'alias/x/../secret.html', 'alias/%73ecret.html',
                 'alias%2fsecret.html', 'none/../alias/secret.html',
                 'alias/secret.html?keepers_session=valid', 'alias/.',
                 'alias/secret.html#x');

# kratos#4305, kratos#3671: a page beside another asked for less.
# family: the guard, and who passes it
my %family = (
    plain => ['keepers_session required;', qw(valid staff)],
    signin => ['keepers_session required; keepers_signin_url /signin;',
               qw(valid staff)],
    role => ['keepers_session required role=owner,manager;', 'valid'],
    aal => ['keepers_session required aal=2;'],
    server => ['', qw(valid staff)],
);

my $built = join('', qx('${\ ($ENV{KEEPERS_NGINX} // '/usr/sbin/nginx')}' -V 2>&1));

@shapes = grep { my %option = @$_[3 .. $#$_];
                 !$option{needs} || $built =~ /http_$option{needs}_module/ }
          @shapes;


# --- sessions

my $short = 'keepers_session_idle 1s; keepers_session_absolute 1s;';

my $p = start_platform(limits => 'off', conf => sub {
    my ($file) = @_;
    my $conf = slurp($file);

    $conf =~ s/(?=^    access_log )/    $short\n/m;
    spew($file, $conf);
});


sub cookie {
    my ($ua) = @_;
    my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
                   @{$ua->cookie_jar->all};

    return canary($cookie);
}


sub sessions_in_redis {
    return grep { /:s:/ } split(/\n/, redis_cli($p->{redis}, 'KEYS',
                                                'keepers:*'));
}


# The keys of what is minted meanwhile.
sub minted(&) {
    my ($mint) = @_;
    my %before = map { $_ => 1 } sessions_in_redis();
    my $cookie = cookie($mint->());

    return ($cookie, grep { !$before{$_} } sessions_in_redis());
}


sub account {
    my ($email, $role) = @_;
    my ($status) = operator($p, "$role-password-1\n", qw(account add
                            --business), "Of $role", '--email', $email,
                            '--role', $role);

    is($status, 0, "an account of another business, $role");
    return sub { sign_in($p, $email, "$role-password-1") };
}


my %session = (none => undef, junk => 'v1.junk');
my $key;

# over by its absolute time, though Redis still has the record
($session{absolute}, $key) = minted { sign_in($p) };
is(redis_cli($p->{redis}, 'PERSIST', $key), 1, 'a record that stays');

spew($p->{nginx_conf}, slurp($p->{nginx_conf}) =~ s/\Q$short\E//r);
reload($p->{nginx});

# of another platform, with keys of its own
$session{key} = cookie(sign_in(start_platform(limits => 'off')));

my $edge = "$p->{dir}/keys/edge.keys";

my $staff = account('staff@example.com', 'staff');
my $manager = account('manager@example.com', 'manager');

$session{staff} = cookie($staff->());

($session{epoch}, $key) = minted { $manager->() };
my ($tag) = $key =~ /(\{.*?\})/;
redis_cli($p->{redis}, 'INCR', "keepers:$tag:e");

($session{idle}, $key) = minted { sign_in($p) };
redis_cli($p->{redis}, 'PEXPIRE', $key, 1);

my $leaving = sign_in($p);
$session{revoked} = cookie($leaving);
$leaving->post("$p->{url}/signout" => { Origin => $p->{url} });

($session{valid}, $key) = minted { sign_in($p) };

$session{forged} = $session{valid};
substr($session{forged}, 20, 1) =~ tr/A-Za-z/B-ZAb-za/
    or substr($session{forged}, 20, 1) = 'A';

# a record of ours, moved to where a token of another user looks for it
my $moved;
($session{moved}, $moved) = minted { sign_in($p) };
redis_cli($p->{redis}, 'COPY', $key, $moved, 'REPLACE');


# --- nginx

my $second = free_port();

sub locations {
    my ($family) = @_;
    my $guard = $family{$family}[0];
    my $text = '';

    for my $shape (@shapes) {
        my ($name, $rest, $conf) = @$shape;

        $conf =~ s/\bP\//\/$family\//g;
        $conf =~ s/\bF\b/$family/g;
        $conf =~ s/\bG /$guard /g;
        $conf =~ s{\bH\b}{%%DIR%%/html}g;
        $conf =~ s{\bD/}{%%DIR%%/}g;
        $conf =~ s{\bU/}{http://unix:%%DIR%%/up.sock:/}g;
        $text .= "        $conf\n";
    }

    return $text . "        location /$family/hidden/ { internal; $guard "
           . "alias %%DIR%%/html/; }\n";
}


my $common = <<'END';
        location = /yes { internal; keepers_session off; proxy_pass http://unix:%%DIR%%/up.sock:/yes; }
        location = /no { internal; keepers_session off; proxy_pass http://unix:%%DIR%%/up.sock:/no; }
        location /open/ { internal; keepers_session off; alias %%DIR%%/html/; }
END

my $nginx = start_nginx(<<"END" =~ s/^    (?=\S)//mgr);
    keepers_zone            4m;
    keepers_key_file        $edge;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout   1s;
    keepers_session_cookie  keepers insecure;
    proxy_cache_path        %%DIR%%/cache keys_zone=cache:1m;
    default_type            text/html;

    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:$second http2;
        server_name two.example;
        keepers_session required;
$common
${\ locations('server')}
    }

    server {
        listen 127.0.0.1:%%PORT%% default_server;
        listen 127.0.0.1:$second default_server http2;
        server_name one.example;
        error_page 400 413 414 494 495 = /plain/alias/secret.html;
$common
${\ join('', map { locations($_) } grep { $_ ne 'server' } sort keys %family)}
    }

    server {
        listen unix:%%DIR%%/up.sock;
        access_log %%DIR%%/up.log;

        location = /yes { return 204; }
        location = /no { return 403; }
        location /echo { return 200 "MARKER \$request_method"; }
        location /mirrored { return 200; }
        location /files/ { alias %%DIR%%/html/; }
        location = /accel/open { add_header X-Accel-Redirect /open/secret.html; return 200; }
        location ~ ^/accel/(\\w+) { add_header X-Accel-Redirect /\$1/hidden/secret.html; return 200; }
    }
END

my $dir = $nginx->{dir};

mkdir("$dir/$_") for qw(html list tree ssi public dav none);
spew("$dir/html/$_", '<p>MARKER of the protected page</p>', 0644)
    for qw(secret.html index.html packed.txt.gz);
spew("$dir/list/LISTED.txt", '', 0644);
spew("$dir/public/public.html", 'PUBLIC', 0644);
spew("$dir/users", "nobody:{PLAIN}another\n", 0644);

for my $family (keys %family) {
    mkdir("$dir/$_/$family") for qw(tree ssi dav);
    symlink("$dir/html", "$dir/tree/$family/$_")
        for qw(rooted except except-open if if-break);
    spew("$dir/ssi/$family/page.html",
         qq(<!--#include virtual="/$family/alias/secret.html" -->), 0644);

    # nginx's own auth_request is not asked in subrequests: not this one
    spew("$dir/ssi/$family/all.html",
         join('', map { qq(<!--#include virtual="/$family/$_->[0]/$_->[1]" -->) }
                  grep { $_->[0] !~ /^(?:ssi|dav|mirror|request)/ }
                  @shapes), 0644);
}


# --- requests

my $origin = "Sec-Fetch-Site: same-origin\r\n";
my $secret_etag;

# method, headers; the first shows what there is to be seen
my @variants = (
    ['GET', ''], ['HEAD', ''], ['OPTIONS', ''], ['PROPFIND', ''],
    ['GET', "Range: bytes=3-12\r\n"], ['GET', "Range: bytes=0-1,4-12\r\n"],
    ['GET', "If-None-Match: *\r\n"],
    ['GET', "If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT\r\n"],
    ['GET', "Accept-Encoding: gzip\r\n"],
    ['GET', "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n"],
    ['GET', "Authorization: Basic bm9ib2R5Ong=\r\n"],
    ['GET', "Keepers-Identity: x\r\nX-Original-URI: /\r\n"
            . "X-Forwarded-For: 127.0.0.1\r\nX-Rewrite-URL: /\r\n"],
    ['GET', "Upgrade: h2c\r\nConnection: Upgrade\r\n"],
    ['POST', "Content-Length: 3\r\n", 'a=b'],
    ['PUT', "Content-Length: 6\r\n", 'MARKED'],
    ['DELETE', "Content-Length: 0\r\n"],
    ['POST', "X-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n"],
);


sub host_of { return $_[0] eq 'server' ? 'two.example' : 'one.example' }


sub request {
    my ($family, $path, $session, $variant, $last) = @_;
    my ($method, $header, $body) = @$variant;

    return "$method $path HTTP/1.1\r\nHost: " . host_of($family) . "\r\n$origin"
         . (defined $session ? "Cookie: keepers=$session\r\n" : '')
         . ($last ? "Connection: close\r\n" : '') . "$header\r\n"
         . ($body // '');
}


# All variants on one connection; HTTP/1.0 and 0.9 on one each.
sub asked {
    my ($family, $path, $session) = @_;
    my $port = $nginx->{port};
    my $cookie = defined $session ? "Cookie: keepers=$session\r\n" : '';
    my $text = '';

    $text .= request($family, $path, $session, $variants[$_],
                     $_ == $#variants) for 0 .. $#variants;

    return raw($port, $text),
           raw($port, request($family, $path, $session, ['TRACE', ''], 1)),
           raw($port, "GET $path HTTP/1.0\r\nHost: " . host_of($family)
                      . "\r\n$cookie\r\n"),
           raw($port, "GET http://" . host_of($family) . "$path HTTP/1.1\r\n"
                      . "Host: x\r\nConnection: close\r\n$cookie\r\n"),
           $family eq 'server' ? '' : raw($port, "GET $path\r\n");
}


sub statuses { return map { /HTTP\/1\.1 (\d+) /g } @_ }


# What an answer shows that it must not.
sub shown {
    my ($secret, $open, @answers) = @_;
    my @shown;

    for my $text (@answers) {
        push(@shown, $secret) if $text =~ /$secret/;
        push(@shown, 'ETag') if $secret_etag && $text =~ /\Q$secret_etag\E/;
        push(@shown, 'Length') if $text =~ /^Content-(?:Length|Range):.*\b35$/m;
    }

    return @shown, $open ? () : grep { /^(?:2..|304)$/ } statuses(@answers);
}


sub passes {
    my ($family, $name) = @_;
    my (undef, @who) = @{$family{$family}};

    return scalar grep { $_ eq $name } @who;
}


# Not even with a session: none has been proved by the main request, which is
# protected only where the whole server is.
sub unseen {
    my ($family, %option) = @_;

    return $option{mirrored} || $option{never} && $family ne 'server' ? 1 : 0;
}


ok((wait_for {
       ($secret_etag) = raw($nginx->{port}, request('plain',
           '/plain/alias/secret.html', $session{valid}, $variants[0], 1))
           =~ /^ETag: "(.*)"/m;
       $secret_etag;
   }), 'a protected page has an ETag');

my $n = 0;

for my $family (sort keys %family) {
    subtest "$family: $family{$family}[0]" => sub {
        for my $shape (@shapes) {
            my ($name, $rest, $conf, %option) = @$shape;
            my $path = "/$family/$name/$rest";
            my $secret = $option{secret} // 'MARKER';

            # around what is protected nothing is: all of that server is
            my $open = $option{open} && $family ne 'server';
            my @bad;

            # with a session first: it may have been cached
            for my $who ((grep { passes($family, $_) } qw(valid staff)),
                         grep { !passes($family, $_) } sort keys %session)
            {
                next if $name eq 'dav';

                my @answers = asked($family, $path, $session{$who});

                $n += @variants + 4;

                if (passes($family, $who)) {
                    my $seen = grep { /$secret/ } @answers[0, 2, 3];
                    my $good = unseen($family, %option) ? $seen == 0
                                                        : $seen == 3;

                    push(@bad, "$who: " . join(' ', statuses(@answers)))
                        if !$good;
                    next;
                }

                push(@bad, "$who: $_") for shown($secret, $open, @answers);
                push(@bad, "$who: no answer to all")
                    if statuses($answers[0]) < @variants;
            }

            ok(@bad == 0, $name) or diag(join("\n", @bad));
        }
    };
}

note("$n requests");


# oauth2-proxy GHSA-7rh7-c77v-6434, GHSA-pxq7-h93f-9jrg: what was let through by
# its query, or by what stands behind a #.
subtest 'spellings of a path' => sub {
    for my $rest (@spellings) {
        for my $name (grep { $_ ne 'valid' && $_ ne 'staff' } sort keys %session)
        {
            my @shown = shown('MARKER', 0,
                              asked('plain', "/plain/$rest", $session{$name}));

            is("@shown", '', "$rest, $name");
        }
    }
};


subtest 'what is written' => sub {
    my @who = sort keys %session;

    plan(skip_all => 'no dav') if $built !~ /http_dav_module/;

    for my $family (sort keys %family) {
        my $file = "$dir/dav/$family/written.html";

        for my $name (@who) {
            my ($passes) = passes($family, $name);

            spew($file, 'KEPT', 0644);
            raw($nginx->{port}, request($family, "/$family/dav/written.html",
                $session{$name}, ['DELETE', "Content-Length: 0\r\n"], 1));
            is(-e $file ? 1 : 0, $passes ? 0 : 1, "$family: DELETE, $name");
            raw($nginx->{port}, request($family, "/$family/dav/new.html",
                $session{$name}, ['PUT', "Content-Length: 2\r\n", 'ab'], 1));
            is(-e "$dir/dav/$family/new.html" ? 1 : 0, $passes,
               "$family: PUT, $name");
            unlink("$dir/dav/$family/new.html");
        }
    }
};


subtest 'what is mirrored' => sub {
    ok(wait_for { slurp("$dir/up.log") =~ m{/echo} }, 'the application logs');

    # those of the server that is protected as a whole have proved a session
    raw($nginx->{port}, request('plain', '/plain/mirror-into/public.html',
                                $session{none}, $variants[0], 1));
    my $before = () = slurp("$dir/up.log") =~ m{/mirrored}g;

    raw($nginx->{port}, request('plain', '/plain/mirror-into/public.html',
                                $session{$_}, $variants[0], 1))
        for sort keys %session;
    my $after = () = slurp("$dir/up.log") =~ m{/mirrored}g;

    is($after, $before, 'nothing, by a main request that has proved none');
};


subtest 'a request on the connection of another' => sub {
    my $text = request('plain', '/plain/alias/secret.html', $session{valid},
                       $variants[0])
             . request('plain', '/plain/alias/secret.html', undef,
                       $variants[0])
             . request('plain', '/plain/alias/secret.html', $session{valid},
                       $variants[0])
             . request('plain', '/plain/alias/secret.html', $session{revoked},
                       $variants[0], 1);

    is(join(' ', statuses(raw($nginx->{port}, $text))), '200 401 200 401',
       'each is asked for its own');
};


subtest 'what nginx refuses before it knows who asks' => sub {
    my $cookie = "Cookie: keepers=$session{revoked}\r\n";
    my $long = 'x' x 40000;

    for my $request ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n$cookie\r\n",
                     "GET / HTTP/1.1\r\n$cookie\r\n", "GET /%00 HTTP/1.1\r\n\r\n",
                     "GET / HTTP/1.1\r\nHost: a\r\nX: $long\r\n\r\n",
                     "GET /$long HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01",
                     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999"
                     . "\r\n\r\n",
                     "GET / HTTP/9.9\r\nHost: a\r\n\r\n")
    {
        my $answer = raw($nginx->{port}, $request, 2);

        unlike($answer, qr/MARKER/, 'its page of errors is protected too: '
               . substr($request =~ s/[^ -~]+/ /gr, 0, 30));
    }
};


# --- HTTP/2

# All paths on one connection; the first byte of each answer's headers, and
# the bodies.
sub h2_asked {
    my ($method, $host, $session, @paths) = @_;
    my $socket = Keepers::Process::listens($second);
    my ($stream, %answer, $buffer) = (1);

    $socket->syswrite("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, ''));

    for my $path (@paths) {
        my $fields = "\x86\x02" . h2_text($method) . "\x04" . h2_text($path)
                   . "\x01" . h2_text($host);

        $fields .= "\x0f\x11" . h2_text("keepers=$session")
            if defined $session;
        $socket->syswrite(frame(1, 5, $stream, $fields));
        $stream += 2;
    }

    my $ended = 0;
    my $until = time() + 10;

    while ($ended < @paths && time() < $until) {
        IO::Select->new($socket)->can_read(5) or last;
        $socket->sysread($buffer, 65536, length($buffer // '')) or last;

        while ($buffer =~ /^(...)(.)(.)(....)/s) {
            my ($length, $type, $flags, $id) =
                (unpack('N', "\0$1"), ord($2), ord($3), unpack('N', $4));

            last if length($buffer) < 9 + $length;

            my $payload = substr($buffer, 9, $length);

            substr($buffer, 0, 9 + $length, '');
            $answer{$id}{body} .= $payload if $type == 0;
            $answer{$id}{head} //= $payload =~ s/^[\x20-\x3f]+//r if $type == 1;
            $ended++ if $type < 2 && $flags & 1 || $type == 3;
            $socket->syswrite(frame(4, 1, 0, '')) if $type == 4 && !$flags;
        }
    }

    return map { my $answer = $answer{2 * $_ + 1};
                 { first => ord($answer->{head} // ''),
                   body => $answer->{body} // '' } } 0 .. $#paths;
}


subtest 'HTTP/2' => sub {
    for my $family (sort keys %family) {
        for my $name (sort keys %session) {
            my @paths = map { "/$family/$_->[0]/$_->[1]" } @shapes;

            for my $method (qw(GET HEAD OPTIONS)) {
                my @answers = h2_asked($method, host_of($family),
                                       $session{$name}, @paths);
                my @bad;

                for my $i (0 .. $#shapes) {
                    my ($shape, undef, undef, %option) = @{$shapes[$i]};
                    my $seen = $answers[$i]{body} =~ ($option{secret}
                                                      // 'MARKER');
                    my $open = $option{open} && $family ne 'server';

                    next if $shape eq 'dav';

                    if (passes($family, $name)) {
                        push(@bad, "$shape: not seen")
                            if $method eq 'GET'
                                && ($seen ? 0 : 1) != unseen($family, %option);
                        next;
                    }

                    # 0x88 .. 0x8b: 200, 204, 206, 304 (RFC 7541, A)
                    push(@bad, "$shape: shown") if $seen;
                    push(@bad, sprintf('%s: 0x%02x', $shape,
                                       $answers[$i]{first}))
                        if !$open && ($answers[$i]{first} == 0
                                      || ($answers[$i]{first} >= 0x88
                                          && $answers[$i]{first} <= 0x8b));
                }

                ok(@bad == 0, "$family, $name, $method")
                    or diag(join("\n", @bad));
            }
        }
    }
};


done_testing();
