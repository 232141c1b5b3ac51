#!/usr/bin/perl

# Copyright (C) Keepers

# Two hosts of one platform are one: a signup that comes to both is stored
# once, and so is a person whom many sign up at once by many links.  And what
# is no link, or too much, is told so, in few words.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep);

my $p = start_platform(limits => 'off');
my $owner = sign_in($p);
my $ua = ua()->max_connections(64);
my $path = '/l/corner-coffee';
my $port = free_port();
my $conf = slurp($p->{nginx_conf});
my @ports = ($p->{nginx}{port}, $port);

# the same configuration, keys, Redis and writer; all else is its own
mkdir("$p->{dir}/$_") for qw(host2 host2/nginx host2/logs);
$conf =~ s{\Q$p->{dir}\E/(nginx|logs)/}{$p->{dir}/host2/$1/}g;
$conf =~ s{127\.0\.0\.1:\d+}{127.0.0.1:$port};

my $other = start_nginx(undef, dir => "$p->{dir}/host2", port => $port,
                        file => spew("$p->{dir}/host2/nginx.conf", $conf));


sub url { return "http://127.0.0.1:$ports[$_[0]]$path" }

wait_for { ua()->get(url(1))->res->code == 200 }
    or die("the other host serves no page\n");

sub token { return ua()->get($_[0])->res->dom->at('[name=token]')->{value} }

sub customers {
    my ($q) = @_;

    return @{$owner->get("$p->{url}/api/v1/customers" => form => { q => $q })
                 ->res->json->{items}};
}


# One request to each host, so many milliseconds after each other.
sub both {
    my ($ms, $post) = @_;
    my @seen;

    Mojo::Promise->all(map {
        my $host = $_;

        Mojo::Promise->timer($host * $ms / 1000)
            ->then(sub { return $post->(url($host)) })
            ->then(sub { $seen[$host] = $_[0]->res });
    } 0, 1)->wait;

    return @seen;
}


subtest 'one form, two hosts' => sub {
    my @tokens = map { [$_, token(url($_ % 2))] } 0 .. 19;

    sleep(2.1);

    for my $one (@tokens) {
        my ($i, $token) = @$one;
        my %form = (token => $token, name => "Form $i",
                    email => "canary-form$i\@example.org");
        my @seen = both($i % 4 * 5, sub { $ua->post_p($_[0] => form => \%form)
                                        });

        is(join(' ', map { $_->code . $_->headers->location } @seen),
           "303$path/thanks 303$path/thanks", 'both are thanked');
    }

    is(scalar customers("Form $_"), 1, "Form $_: one row")
        for map { $_->[0] } grep { $_->[0] > 9 } @tokens;
    is(scalar customers('canary-form'), 20, 'twenty people');
};


subtest 'one key, two hosts' => sub {
    my %codes;

    for my $i (10 .. 29) {
        my @seen = both(0, sub {
            $ua->post_p($_[0] => { 'Idempotency-Key' => "key$i" } => json =>
                { name => 'Key', email => "canary-key$i\@example.org" })
        });

        $codes{join(' ', sort map { $_->code } @seen)}++;
        # at once it may still be under way: nobody waits for the note of it
        ok((wait_for {
            $ua->post(url($i % 2) => { 'Idempotency-Key' => "key$i" } => json =>
                { name => 'Key', email => "canary-key$i\@example.org" })
               ->res->code == 202
        }), 'later it is received, wherever');
    }

    is(scalar(grep { !/^202 (202|409)$/ } keys %codes), 0,
       'received, and received or under way: ' . join(', ', keys %codes));
    is(scalar customers('canary-key'), 20, 'twenty people');
    is($ua->post(url(1) => { 'Idempotency-Key' => 'key10' } => json =>
           { name => 'Other', email => 'canary-key10@example.org' })
       ->res->json->{code}, 'key_reused', 'another body is told so, elsewhere');
};


subtest 'one person, a thousand signups, twenty links' => sub {
    my @links = map { "many-$_" } 1 .. 20;
    my (%codes, @left);

    my ($business) = slurp("$p->{dir}/owner.env") =~ /^BUSINESS=(\S+)/m;

    operator($p, '', qw(link add --offer Tea --business), $business,
             '--slug', $_) for @links;
    ok((wait_for { ua()->get(url(1) =~ s/corner-coffee/many-20/r)->res->code
                   == 200 }), 'the links are there');

    @left = map { [$_ % 2, $links[$_ % 20], $_] } 1 .. 1000;

    my $next;
    $next = sub {
        my $one = shift @left or return Mojo::Promise->resolve;
        my ($host, $link, $i) = @$one;

        return $ua->post_p(url($host) =~ s/corner-coffee/$link/r
            => { 'Idempotency-Key' => "many$i" } => json =>
            { name => "Many $i", email => 'canary-many@example.org' })
            ->then(sub {
                $codes{$_[0]->res->code . $_[0]->res->body}++;
                return $next->();
            });
    };
    Mojo::Promise->all(map { $next->() } 1 .. 48)->wait;

    is_deeply(\%codes, { '202{"status":"received"}' => 1000 },
              'all get the same bytes');

    my @rows = customers('canary-many');

    is(scalar @rows, 1, 'it is one customer');

    my $one = $owner->get("$p->{url}/api/v1/customers/$rows[0]{id}")->res->json;

    is(scalar @{$one->{links}}, 20, 'who came by twenty links');
};


subtest 'too much' => sub {
    my $form = 'application/x-www-form-urlencoded';
    my $big = 'x' x 1048576;
    my %case = (
        'a megabyte'   => [413, $form, "name=$big"],
        'a megabyte of JSON' => [413, 'application/json', "{\"a\":\"$big\"}"],
        'ten thousand fields' => [413, $form, join('&', map { "f$_=" }
                                                        1 .. 10000)],
        'three thousand' => [400, $form, join('&', map { "$_" } 1 .. 3000)],
        'plain text'   => [415, 'text/plain', 'name=Ana'],
        'no type'      => [415, '', 'name=Ana'],
        'a file'       => [415, 'multipart/form-data; boundary=x',
                           "--x\r\nContent-Disposition: form-data; name=a;"
                           . " filename=a\r\n\r\na\r\n--x--\r\n"],
        'XML'          => [415, 'application/xml', '<a/>'],
        'JSON of a kind' => [415, 'application/ld+json', '{}']);

    for my $case (sort keys %case) {
        my ($code, $type, $body) = @{$case{$case}};
        my $res = $ua->post(url(0) => { 'Content-Type' => $type,
            'Idempotency-Key' => "much-$case" =~ tr/ /-/r } => $body)->res;

        is($res->code, $code, "$case: $code");
        cmp_ok(length($res->body), '<', 16384, "$case: in few words");
    }

    is($ua->get(url(0))->res->code, 200, 'and the page is there');
};


subtest 'what is no link' => sub {
    # nginx itself leads the first to "/", and has no words for the second
    my %case = ('/l/%2e%2e' => 302, '/l/..%2f..%2fetc' => 400,
                '/l/' . 'x' x 10240 => 414, '/l/' . 'x' x 65 => 404,
                '/l/caf%c3%a9' => 404, '/l/a_b' => 404, '/l/-a' => 404,
                '/l/a--b' => 404, '/l/a%00b' => 400, '/l/CORNER-COFFEE' => 301,
                '/l/never-was' => 404, "$path?email=a\@b.example&name=N" => 200);

    for my $asked (sort keys %case) {
        my $answer = raw($ports[0], "GET $asked HTTP/1.1\r\nHost: x\r\n"
                         . "Connection: close\r\n\r\n");
        my ($code) = $answer =~ m{^HTTP/1\.1 (\d+)};

        is($code, $case{$asked}, substr($asked, 0, 30) . ": $case{$asked}");
    }

    my $page = $ua->get("$p->{link_url}?email=canary-q\@b.example&name=Nobody")
                  ->res;

    is($page->dom->at('#email')->{value}, '', 'no address comes from a query');
    is($page->dom->at('#name')->{value}, '', 'nor a name');
    is(scalar(logs(qr/Nobody|canary-q/)), 0, 'nor is it logged');
};

done_testing();
