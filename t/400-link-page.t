#!/usr/bin/perl

# Copyright (C) Keepers

# The page of a link: small, in one request, without scripts, with nothing of
# a person in it, and with a form that needs no explanation.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;


my $p = start_platform(limits => 'off');
my $res = ua()->get($p->{link_url})->res;
my $dom = $res->dom;

subtest 'the answer' => sub {
    my $csp = $res->headers->header('Content-Security-Policy');

    is($res->code, 200, 'is a page');
    like($res->headers->content_type, qr{^text/html; charset=utf-8}i,
         'in HTML');
    like($csp, qr/default-src 'none'/, 'nothing is allowed');
    like($csp, qr/frame-ancestors 'none'/, 'no frame');
    like($csp, qr/style-src 'sha256-/, 'but its own style');
    unlike($csp, qr/unsafe|script-src/, 'no script');
    is($res->headers->header('X-Content-Type-Options'), 'nosniff',
       'no guessing');
    is($res->headers->header('Referrer-Policy'), 'no-referrer', 'no referrer');
    is($res->headers->header('Cache-Control'), 'no-store', 'not stored');
    is($dom->find('script, link[href^=http], img[src^=http]')->size, 0,
       'no third party');
};

subtest 'the page' => sub {
    like($dom->to_string, qr/Corner Coffee/, 'says whose it is');
    like($dom->to_string, qr/Every tenth coffee is on us/, 'and what one gets');
    ok($dom->at('html[lang]'), 'has a language');
    ok($dom->at("label[for=$_]"), "a label for $_") for qw(name email);
    is($dom->at('#phone'), undef, 'no phone where none is asked for');
    ok($dom->at('#consent_email'), 'a box for e-mail');
    ok(!exists $dom->at('#consent_email')->{checked}, 'not ticked');
    is($dom->at('form')->{action}, '/l/corner-coffee', 'a form for this link');
    like($dom->at('[name=token]')->{value}, qr/^[\w-]{54}$/, 'with a token');
    isnt($dom->at('[name=token]')->{value},
         ua()->get($p->{link_url})->res->dom->at('[name=token]')->{value},
         'that is new each time');
    like(ua()->get($p->{link2_url})->res->body, qr/730 days/,
         'says how long it is kept');
};

subtest 'the query' => sub {
    my $page = ua()->get("$p->{link_url}?placement=door&utm_source=a%22b+c"
        . '&name=Eve&email=e@example.com&token=x&utm_term=' . 'x' x 65)
        ->res->dom;

    is($page->at('[name=placement]')->{value}, 'door', 'tells the poster');
    is($page->at('[name=utm_source]')->{value}, 'a"b c', 'and the campaign');
    is($page->at('[name=utm_term]'), undef, 'but not at any length');
    is($page->at('#name')->{value}, '', 'no name is taken from it');
    is($page->at('#email')->{value}, '', 'nor an address');
};

subtest 'methods' => sub {
    my $head = raw($p->{nginx}{port}, "HEAD /l/corner-coffee HTTP/1.1\r\n"
                   . "Host: x\r\nConnection: close\r\n\r\n");
    my $get = raw($p->{nginx}{port}, "GET /l/corner-coffee HTTP/1.1\r\n"
                  . "Host: x\r\nConnection: close\r\n\r\n");

    s/^Date:.*?\r\n//m for $head, $get;
    is($head, ($get =~ s/\r\n\r\n\K.*//sr), 'HEAD has the headers of GET');

    for my $method (qw(PUT DELETE OPTIONS)) {
        my $ua = ua();
        my $refused = $ua->start($ua->build_tx($method => $p->{link_url}))->res;

        is($refused->code, 405, "$method is refused");
        is($refused->headers->header('Allow'), 'GET, HEAD, POST', 'in words');
    }
};

subtest 'upper case' => sub {
    my $moved = ua()->get("$p->{url}/l/Corner-COFFEE?x=1")->res;

    is($moved->code, 301, 'is moved');
    is($moved->headers->location, '/l/corner-coffee', 'to lower case');
    is(ua()->get("$p->{url}/l/caf\%C3\%A9")->res->code, 404, 'not to a guess');
};

subtest 'the thanks' => sub {
    my $thanks = ua()->get("$p->{link_url}/thanks")->res;

    is($thanks->code, 200, 'are served');
    like($thanks->body, qr/Corner Coffee/, 'by the business');
    is($thanks->dom->find('script, form')->size, 0, 'and are only a page');
    is(ua()->get("$p->{url}/l/nobody/thanks")->res->code, 404, 'not of nobody');
};

subtest 'templates' => sub {
    my $dir = work_dir();
    my $http = <<'END';
    keepers_zone        1m;
    keepers_key_file    %%KEYS%%/edge.keys;
    keepers_writer_key  %%KEYS%%/writer.pub;
    keepers_redis       unix:%%REDIS%%;
END
    my %bad = ("<p>\n{{nothing}}" => qr/line 2.*/,
               "<p>\n\n{{#offer}}" => qr/line 3.*/, '{{' => qr/line 1/);

    for my $text (sort keys %bad) {
        spew("$dir/bad.html", $text);

        my ($status, $words) = nginx_test($http . <<"END");
    server { listen 127.0.0.1:1; location / {
        keepers_link x; keepers_link_template $dir/bad.html; } }
END
        isnt($status, 0, 'a wrong template stops the load');
        like($words, qr{bad\.html" is wrong in $bad{$text}}, 'and where it is');
    }

    spew("$dir/page.html", "<p>\n{{request_method}} {{no_such_thing}}\n");

    my ($status, $words) = nginx_test($http . <<"END");
    server { listen 127.0.0.1:1; location / { keepers_page $dir/page.html; } }
END
    isnt($status, 0, 'so does an unknown variable');
    like($words, qr{page\.html" is wrong in line 2.*\$no_such_thing},
         'by name');
};

done_testing();
