#!/usr/bin/perl

# Copyright (C) Keepers

# Who meets a limit in a browser reads when to come back, in a page and in their
# language; a program gets a problem document; a host's error_page is first.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;

my $redis = start_redis();
my $root = $Keepers::Test::root;
my $nginx = start_nginx(<<"END");
keepers_zone        1m;
keepers_key_file    %%KEYS%%/edge.keys;
keepers_writer_key  %%KEYS%%/writer.pub;
keepers_redis       unix:%%REDIS%%;
keepers_words       $root/conf/pages/words/de.words;
keepers_limit_rule  few key=\$arg_who rate=12/m burst=1;
keepers_limit_rule  rare key=\$arg_who rate=1/h burst=1;

server {
    listen 127.0.0.1:%%PORT%%;

    location ~ "^/l/(?<slug>[^/]+)\$" {
        keepers_link              \$slug;
        keepers_limit             few;
        keepers_problem_template  $root/conf/pages/problem.html;
        proxy_pass                http://127.0.0.1:9;
    }

    location ~ "^/l/(?<slug>[^/]+)/thanks\$" {
        keepers_thanks  \$slug;
        keepers_limit   rare;
    }

    location /own {
        keepers_limit  few;
        error_page     429 =429 /said;
    }

    location = /said { return 200 "come back\\n"; }

    location /slow {
        keepers_limit         few;
        keepers_limit_status  503;
    }
}
END

my %browser = (Accept => 'text/html,*/*;q=0.8');


sub second {
    my ($path, %header) = @_;
    my $ua = ua();

    $ua->get("$nginx->{url}$path" => \%header);

    return $ua->get("$nginx->{url}$path" => \%header)->res;
}


subtest 'a link' => sub {
    my $res = second('/l/x?who=a', %browser, 'Accept-Language' => 'de-CH');

    is($res->code, 429, 'is refused');
    like($res->headers->content_type, qr{^text/html}, 'with a page');
    cmp_ok($res->headers->header('Retry-After'), '>=', 1, 'that says when');
    ok(defined $res->headers->header('RateLimit'), 'and what the limit is');
    is($res->headers->header('Content-Language'), 'de', 'in German');
    is($res->dom->at('html')->{lang}, 'de', 'as it says');
    like($res->dom->at('h1')->text, qr/viel los/, 'in words');
    like($res->text, qr/in ein paar Sekunden/, 'with a time');
    like($res->headers->header('Content-Security-Policy'),
         qr/style-src 'sha256-/, 'in its own style');
    is($res->headers->header('Cache-Control'), 'no-store', 'not stored');

    $res = second('/l/x?who=b', 'Sec-Fetch-Mode' => 'navigate');
    like($res->text, qr/Many people are here/, 'or in English');
};

subtest 'an hour' => sub {
    my $res = second('/l/x/thanks?who=c', %browser);

    is($res->code, 429, 'is refused');
    like($res->text, qr/Please try again later/, 'is not a few seconds');
    ok($res->dom->at('style'), 'the page inside the module has a style');
};

subtest 'a program' => sub {
    my $res = second('/l/x?who=d');

    is($res->code, 429, 'is refused');
    like($res->headers->content_type, qr{^application/problem\+json}, 'too');
    is($res->json->{code}, 'rate_limited', 'with a code');

    $res = second('/l/x?who=e', %browser, 'Sec-Fetch-Mode' => 'cors');
    is($res->json->{code}, 'rate_limited', 'so is a script of a page');
};

subtest 'a host' => sub {
    my $res = second('/own?who=f', %browser);

    is($res->body, "come back\n", 'has its own page');
    is($res->code, 429, 'and status');
    ok($res->headers->header('Retry-After'), 'with our header');

    $res = second('/slow?who=g', %browser);
    is($res->code, 503, 'or another status');
    like($res->headers->content_type, qr{^text/html}, 'of our page');
};

# Nobody sees a problem document because of the button of a form.
subtest 'a form' => sub {
    my $ua = ua();
    my $send = sub {
        return $ua->post("$nginx->{url}/slow?who=$_[0]"
                         => { @_[1 .. $#_] } => form => { a => 1 })->res;
    };

    $send->('h');
    like($send->('h', %browser, 'Sec-Fetch-Mode' => 'navigate')
             ->headers->content_type, qr{^text/html}, 'is answered in a page');
    like($send->('h', %browser)->headers->content_type, qr{^text/html},
         'by older browsers too');
    is($send->('h', Accept => '*/*')->json->{code}, 'rate_limited',
       'a program is not');
};

done_testing();
