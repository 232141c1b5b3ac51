#!/usr/bin/perl

# Copyright (C) Keepers

# The recipes of docs/limits.md, as they stand there, limit what they say and
# nobody else; and what it says of limit_req is what nginx does.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Attack;
use Keepers::Test;
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(time);


my $root = $Keepers::Test::root;
my %recipe = recipes(slurp("$root/docs/limits.md"));
my $password = 'canary-long-password';

is(join(', ', sort keys %recipe), 'API, per tenant, API, per user, Global, '
   . 'Login, Moving from limit_req, Moving from limit_req 2, Per link',
   'the examples of the guide');

# Clients of a test have addresses of their own.
my $realip = 'set_real_ip_from 127.0.0.1; real_ip_header X-Client;';

my $p = start_platform(conf => sub {
    my ($file) = @_;
    my $limits = $file =~ s{[^/]+$}{keepers-limits.conf}r;
    my $text = slurp($limits);

    $text =~ s{^keepers_limit_rule\s+signup_link\s[^;]+;}
              {$recipe{'Per link'}}m or die("no rule signup_link\n");
    spew($limits, $text, 0644);
    spew($file, slurp($file) =~ s{(server_name  _;)}{$1 $realip}r, 0644);
});

my $app = start_nginx(<<'END');
    log_format seen '$uri $request_method';

    server {
        listen      127.0.0.1:%%PORT%%;
        access_log  %%DIR%%/seen.log seen;

        location = /login { return 401; }
        location = /login-right { return 200; }
        location / { return 200 "ok\n"; }
    }
END

my $ua = ua();


# Heading => the example below it; a second one is "Heading 2".
sub recipes {
    my ($text) = @_;
    my (%found, $heading);

    while ($text =~ /^## ([^\n]*)$|^```nginx\n(.*?)^```$/msg) {
        if (defined $1) {
            $heading = $1;
            next;
        }

        $found{exists $found{$heading} ? "$heading 2" : $heading} = $2;
    }

    return %found;
}


# An nginx with a recipe, the application behind it, and the platform's Redis.
sub serve {
    my ($recipe, $more) = @_;

    $recipe =~ s{http://127\.0\.0\.1:3000}{$app->{url}}g;
    $recipe =~ s{listen 8080;}{listen 127.0.0.1:%%PORT%%; MORE}
        or die("no server\n");
    $more = ($more // '') . 'location = /status { keepers_status; }';
    $recipe =~ s{MORE}{$more};

    my $nginx = start_nginx(<<"END");
        keepers_zone            2m;
        keepers_key_file        $p->{dir}/keys/edge.keys;
        keepers_redis           unix:$p->{redis_socket} user=edge
                                password_file=$p->{dir}/keys/redis-edge.password;
        keepers_redis_timeout   1s;
        keepers_session_cookie  keepers insecure;
        $realip
        $recipe
END

    ok((wait_for { $ua->get("$nginx->{url}/status")->res->body
                   =~ /^keepers_redis_ready 1$/m }), 'Redis is ready');

    return $nginx;
}


# So many requests one after another: their statuses, and the time they took.
sub codes {
    my ($client, $nginx, $path, $n, %option) = @_;
    my $method = $option{method} // 'GET';
    my $since = time();
    my %codes;

    for (1 .. $n) {
        my $tx = $client->build_tx($method => "$nginx->{url}$path"
            => { $option{from} ? ('X-Client' => $option{from}) : () });

        $codes{$client->start($tx)->res->code}++;
    }

    return (\%codes, time() - $since);
}


sub text {
    my ($codes) = @_;

    return join(' ', map { "$_:$codes->{$_}" } sort keys %$codes);
}


# What came back while the test went on may pass too, and no more.
sub passed {
    my ($codes, $burst, $back, $name) = @_;
    my $passed = $codes->{200} // 0;

    ok($passed >= $burst && $passed <= $burst + $back + 1, $name)
        or diag("$passed passed, of $burst and at most $back + 1 more: "
                . text($codes));
}


sub seen {
    my ($pattern) = @_;
    my $count = () = slurp("$app->{dir}/seen.log") =~ /$pattern/mg;

    return $count;
}


subtest 'login' => sub {
    my $recipe = $recipe{Login};

    # the application of the test knows right from wrong by the path
    $recipe =~ s{(proxy_pass\s+)(http://[^;]+);}
                {set \$app $2; ${1}\$app/login\$arg_as;}
        or die("no proxy_pass\n");

    my $nginx = serve($recipe);
    my @try = ($ua, $nginx, '/login');
    my %guest = (method => 'POST', from => '192.0.2.1');

    is(text(codes($ua, $nginx, '/login?as=-right', 20, %guest)), '200:20',
       'right passwords are free');
    is(text(codes(@try, 8, %guest)), '401:5 429:3', 'five wrong ones');
    ok((wait_for { seen('^/login POST$') >= 5 }), 'the application saw them');
    is(seen('^/login POST$'), 5, 'and no more');
    is(text(codes($ua, $nginx, '/login?as=-right', 1, %guest)), '429:1',
       'from that network');
    is(text(codes(@try, 3, from => '192.0.2.1')), '401:3',
       'which may still read the page');
    is(text(codes(@try, 1, %guest, from => '192.0.2.2')), '401:1',
       'and others may try');

    my $more = 0;

    for my $network (1 .. 24) {
        my ($codes) = codes(@try, 5, method => 'POST',
                            from => "198.51.100.$network");
        $more += $codes->{401} // 0;
    }

    is($more, 120, 'networks with five guesses each are refused nothing');

    my ($limited) = $ua->get("$nginx->{url}/status")->res->body
        =~ /^keepers_limit_rule_total\{rule="login_world",mode="shadow",
             verdict="limited"\}[ ](\d+)$/mx;

    cmp_ok($limited, '>=', 1, 'but they are seen');
};


my $owner = sign_in($p);
my ($business) = slurp("$p->{dir}/owner.env") =~ /BUSINESS=(\S+)/;
my $colleague = person('canary-colleague@example.org', '--business-id',
                       $business, '--role', 'staff');
my $stranger = person('canary-stranger@example.org', '--business', 'Other',
                      '--role', 'owner');

sub person {
    my ($email, @business) = @_;
    my ($status, $text) = operator($p, "$password\n", 'account', 'add',
                                   '--email', $email, @business);

    is($status, 0, "an account for $email") or diag($text);
    return sign_in($p, $email, $password);
}


subtest 'API, per user' => sub {
    my $nginx = serve($recipe{'API, per user'});
    my @owner = ($owner, $nginx, '/api/things');
    my ($codes, $took) = codes(@owner, 400);

    passed($codes, 200, 10 * $took, 'two hundred at once');
    cmp_ok($codes->{429} // 0, '>', 0, 'not all of four hundred');
    is(text(codes($colleague, $nginx, '/api/things', 5)), '200:5',
       'a colleague has a budget too');
    is(text(codes($ua, $nginx, '/api/things', 3)), '401:3', 'a stranger none');

    my $other = serve($recipe{'API, per user'});

    ($codes, $took) = codes($owner, $other, '/api/things', 60);
    cmp_ok($codes->{429} // 0, '>', 0, 'another machine knows who it is');
};


subtest 'API, per tenant' => sub {
    my $nginx = serve($recipe{'API, per tenant'});
    my $since = time();
    my ($codes, $took) = codes($owner, $nginx, '/api/things', 200);

    passed($codes, 100, 5 * $took, 'a hundred at once for one of them');

    my $used = $codes->{200};

    ($codes, $took) = codes($colleague, $nginx, '/api/exports/1', 40);

    # refused calls have cost the tenant nothing; 20 a second came back
    my $most = (400 - $used + 20 * (time() - $since)) / 20;
    my $least = int((400 - $used) / 20);
    my $passed = $codes->{200} // 0;

    ok($passed >= $least && $passed <= $most + 1,
       'a colleague has what is left of the tenant, twenty an export')
        or diag("$passed, not $least to $most: " . text($codes));
    cmp_ok($codes->{429} // 0, '>', 0, 'and no more');
    is(text(codes($stranger, $nginx, '/api/exports/1', 5)), '200:5',
       'another tenant has all of its own');
};


subtest 'per link' => sub {
    my (%codes, @wait);
    my $since = time();
    my $join = sub {
        my ($url, $i) = @_;

        return $ua->post_p($url => { 'Idempotency-Key' => "canary-$i",
                                     'X-Client' => "198.51.101.$i" }
            => json => { name => 'Guest', email => "canary-$i\@example.org" });
    };

    for my $i (1 .. 180) {
        push(@wait, $join->($p->{link_url}, $i)
                        ->then(sub { $codes{$_[0]->res->code}++ }));
        next if @wait < 8;
        Mojo::Promise->all(splice(@wait))->wait;
    }

    Mojo::Promise->all(@wait)->wait if @wait;

    passed({ 200 => $codes{202} }, 100, time() - $since, 'a hundred join');
    is($codes{202} + ($codes{429} // 0), 180, 'other programs are to wait');
    cmp_ok($codes{429} // 0, '>', 0, 'and there are some');

    $join->($p->{link2_url}, 200)->then(sub {
        is($_[0]->res->code, 202, 'another link is open')
    })->wait;

    is($ua->get($p->{link_url})->res->code, 200, 'the page is shown');
};


subtest 'global' => sub {
    my $nginx = serve($recipe{Global},
                      'location = /new { proxy_pass ' . $app->{url} . '; }');
    my $since = time();
    my $codes = attack([$nginx], '/old/page', 10, 400);

    passed($codes, 40, 20 * (time() - $since), 'forty, then twenty a second');
    is($codes->{200} + $codes->{503}, 400, 'the others get 503');

    attack([$nginx], '/old/page', 10, 100);

    my ($refused) = grep { $_->code == 503 }
                    map { $ua->get("$nginx->{url}/old/page")->res } 1 .. 50;

    cmp_ok($refused ? $refused->headers->header('Retry-After') : 0, '>=', 1,
           'and are told when to come back');

    is(text(codes($ua, $nginx, '/old/healthz', 50)), '200:50',
       'its health check is not counted');
    is(text(codes($ua, $nginx, '/new', 50)), '200:50', 'nor anything else');
};


subtest 'moving from limit_req' => sub {
    my $was = serve($recipe{'Moving from limit_req'});
    my $is = serve($recipe{'Moving from limit_req 2'});
    my ($codes) = codes($ua, $was, '/search/', 25);

    is(text($codes), '200:21 429:4', 'burst=20 of limit_req is 21 at once');
    ($codes) = codes($ua, $is, '/search/', 25);
    is(text($codes), '200:21 429:4', 'and burst=21 of ours is, too');

    my ($theirs, $ours) = map { $ua->get("$_->{url}/search/")->res->headers }
                              $was, $is;

    is(join(' ', grep { $theirs->header($_) }
                      qw(Retry-After RateLimit RateLimit-Policy)), '',
       'an answer of limit_req has a status alone');
    ok($ours->header('Retry-After'), 'ours has Retry-After');
    is($ours->header('RateLimit-Policy'), '"search";q=21;w=210',
       'and says what it is');

    like(slurp($was->{error_log}),
         qr/\[error\].*limiting requests.*client: 127\.0\.0\.1/,
         'limit_req logs an address');

    # at "info", nginx itself tells of clients that go
    unlike(join('', grep { /keepers|limit/ }
                    split(/^/m, slurp($is->{error_log}))),
           qr/client: /, 'we do not');
};


my $both = <<'END';
    keepers_limit_rule  bare  key=$uri rate=6/m;
    keepers_limit_rule  inner key=$uri rate=1/h;

    limit_req_zone  $uri          zone=bare:1m rate=6r/m;
    limit_req_zone  $keepers_user zone=user:1m rate=1r/m;
    limit_req_zone  $uri          zone=wide:1m rate=6r/m;
    limit_req_zone  $binary_remote_addr zone=narrow:1m rate=1r/m;
    limit_req_zone  $binary_remote_addr zone=address:1m rate=1r/m;

    log_format status '$request_uri $limit_req_status';

    server {
        listen 8080;
        root   %%DIR%%;

        access_log %%DIR%%/status.log status;

        location = /theirs { limit_req zone=bare; try_files /nginx.conf =404; }
        location = /ours   { keepers_limit bare; try_files /nginx.conf =404; }
        location = /user   { keepers_session required; limit_req zone=user;
                             try_files /nginx.conf =404; }
        location = /dry    { limit_req zone=bare; limit_req_dry_run on;
                             try_files /nginx.conf =404; }
        location = /wide   { limit_req zone=wide burst=5 nodelay;
                             limit_req zone=narrow;
                             try_files /nginx.conf =404; }
        location = /alone  { limit_req zone=address;
                             try_files /nginx.conf =404; }

        location = /asks-us    { auth_request /inner-ours;
                                 try_files /nginx.conf =404; }
        location = /asks-them  { auth_request /inner-theirs;
                                 try_files /nginx.conf =404; }
        location = /inner-ours   { keepers_limit inner;
                                   try_files /nginx.conf =404; }
        location = /inner-theirs { limit_req zone=bare;
                                   try_files /nginx.conf =404; }
    }
END

subtest 'what surprises' => sub {
    my ($nginx, $other) = map { serve($both) } 1 .. 2;

    is(text(codes($ua, $nginx, '/theirs', 4)), '200:1 503:3',
       'without burst, limit_req lets one pass');
    is(text(codes($ua, $nginx, '/ours', 8)), '200:6 429:2',
       'we let the number of the rate pass');
    is(text(codes($ua, $other, '/theirs', 1)), '200:1',
       'another machine knows nothing of limit_req');
    is(text(codes($ua, $other, '/ours', 1)), '429:1', 'but of ours');
    is(text(codes($owner, $nginx, '/user', 5)), '200:5',
       'limit_req counts nobody by a session');
    is(text(codes($ua, $nginx, '/dry', 5)), '200:5', 'a dry run');
    ok((wait_for { slurp("$nginx->{dir}/status.log")
                   =~ m{^/dry REJECTED_DRY_RUN$}m }), 'and its status');

    is(text(codes($ua, $nginx, '/asks-us', 3)), '200:3',
       'a subrequest is not limited by us');
    is(text(codes($ua, $nginx, '/asks-them', 3)), '200:1 500:2',
       'but by limit_req');

    is(text(codes($ua, $nginx, '/wide', 4)), '200:1 503:3',
       'the second limit_req refuses');

    # were refusals charged to the first, its burst would be gone
    is(text(codes($ua, $nginx, '/wide', 4, from => '192.0.2.1')),
       '200:1 503:3', 'and has charged nothing to the first');
    is(text(codes($ua, $nginx, "/wide", 1, from => "192.0.2.$_")), '200:1',
       'for somebody else') for 2 .. 5;
    is(text(codes($ua, $nginx, '/wide', 1, from => '192.0.2.6')), '503:1',
       'until it is used up');

    is(text(codes($ua, $nginx, '/alone', 1, from => "2001:db8::$_")), '200:1',
       'each address of IPv6 is somebody to limit_req') for 1 .. 3;

    my ($status, $words) = nginx_test(<<'END');
        limit_req_zone $uri zone=z:1m rate=5r/10m;
        server { listen 127.0.0.1:1; }
END

    isnt($status, 0, 'limit_req knows no ten minutes');
    like($words, qr/invalid rate/, 'and says so');
};

done_testing();
