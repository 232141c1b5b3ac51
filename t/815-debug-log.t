#!/usr/bin/perl

# Copyright (C) Keepers

# With "error_log ... debug" nginx writes down headers, ours among them; what we
# write has nothing of a person and no secret even then, and what stands in the
# body of a request is written by nobody.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Mojo::Util qw(b64_encode url_escape);
use Test::More;


my ($binary) = ($ENV{KEEPERS_NGINX} // '/usr/sbin/nginx');

plan skip_all => 'this nginx has no debug log'
    if qx('$binary' -V 2>&1) !~ /--with-debug/;

my $p = start_platform(conf => sub {
    my ($file) = @_;
    my $text = slurp($file);

    $text =~ s/^(\s*error_log\s+\S+)[^;]*;/$1 debug;/m or die('no error_log');
    spew($file, $text, 0644);
});

# Of a person, in bodies; addresses that no other test looks for.
my %body = (name => 'Debugia Logwood-Qz', phone => '+44 20 7946 0777',
            email => 'logwood-joins@example.org',
            'broken email' => 'logwood-broken',
            stranger => 'logwood-signs@example.org',
            password => 'logwood-Secret-77Qz',
            'forgotten email' => 'logwood-forgot@example.org');

# In headers, which is where nginx finds them.
my %header = ('idempotency key' => 'logwood-key-1',
              forged => 'v1.' . 'Q7z' x 18,
              query => 'logwood-query@example.org',
              agent => 'Logwood-Agent/1');


sub fields {
    my ($page) = @_;
    my %field = map { ($_->attr('name') => $_->attr('value') // '') }
                grep { ($_->attr('type') // '') ne 'checkbox' }
                @{$page->find('input[name]')};

    delete $field{no_phone};
    return %field;
}


my $ua = ua();

$ua->transactor->name($header{agent});

# a whole signup: by a form, with its faults, and by JSON

my %form = fields($ua->get($p->{link_url})->res->dom);

$body{'form token'} = $form{token};

my $res = $ua->post($p->{link_url} => form
                    => { %form, email => $body{'broken email'},
                         name => $body{name}, phone => $body{phone} })->res;

is($res->code, 422, 'a fault');

$res = $ua->post($p->{link_url} => form
                 => { %form, email => $body{email}, name => $body{name},
                      phone => $body{phone} })->res;

# a human is not as fast as this: one more tap
$res = $ua->post($p->{link_url} => form => { fields($res->dom) })->res
    if $res->code == 200;

is($res->code, 303, 'a signup');
is($ua->get($p->{link_url} . "?email=$header{query}")->res->code, 200,
   'a page');
is($ua->post($p->{link_url}
             => { 'Idempotency-Key' => $header{'idempotency key'} } => json
             => { name => $body{name}, email => $body{email},
                  phone => $body{phone} })->res->code, 202, 'by JSON');

# sign-in: wrong, until it is limited; and right

my %codes;

$codes{$ua->post("$p->{url}/signin" => { Origin => $p->{url} } => form =>
                 { email => $body{stranger}, password => $body{password} })
       ->res->code}++ for 1 .. 22;

ok($codes{429}, 'sign-ins are limited') or diag(explain(\%codes));
is($ua->post("$p->{url}/forgot" => { Origin => $p->{url} } => form =>
             { email => $body{'forgotten email'} })->res->code, 200,
   'a password was forgotten');

my $owner = sign_in($p);

($header{cookie}) = map { $_->value } grep { $_->name eq 'keepers' }
                    @{$owner->cookie_jar->all};
$body{'owner password'} = $p->{owner_password};
$body{owner} = $p->{owner_email};

# the session check, by cookie and by token

is($owner->get("$p->{url}/api/v1/customers")->res->code, 200, 'a session');
is($owner->get("$p->{url}/api/v1/sessions")->res->code, 200, 'their list');
is($ua->get("$p->{url}/api/v1/customers"
            => { Cookie => "keepers=$header{forged}" })->res->code, 401,
   'one that was made up');

$res = $owner->post("$p->{url}/api/v1/tokens"
    => { Origin => $p->{url}, 'Sec-Fetch-Site' => 'same-origin' }
    => json => { name => 'Till', scopes => 'customers.read' })->res;
$header{token} = $res->json->{token};

is($res->code, 201, 'a token');
ok((wait_for {
    $ua->get("$p->{url}/api/v1/customers"
             => { Authorization => "Bearer $header{token}" })->res->code == 200
}), 'which is used, once it is known');
is($ua->get("$p->{url}/api/v1/customers"
            => { Authorization => "Bearer $header{token}",
                 Cookie => "keepers=$header{cookie}" })->res->code, 400,
   'but not beside a cookie');
is($owner->post("$p->{url}/api/v1/links"
                => { 'Sec-Fetch-Site' => 'cross-site' })->res->code, 403,
   'another site');
is($owner->post("$p->{url}/signout" => { Origin => $p->{url} })->res->code,
   303, 'a sign-out');

# and without Redis

pause($p->{redis});
$ua->get("$p->{url}/api/v1/customers"
         => { Cookie => "keepers=v1.$header{forged}" });
resume($p->{redis});

# A line of the log may go on over several.
my @entries = split(/^(?=\d{4}\/\d\d\/\d\d )/m, slurp($p->{error_log}));
my @ours = grep { /^\S+ \S+ \[\w+\] \S+ (?:\*\d+ )?keepers: / } @entries;
my @others = grep { !/^\S+ \S+ \[\w+\] \S+ (?:\*\d+ )?keepers: / } @entries;

cmp_ok(scalar(grep { /\[debug\]/ } @others), '>', 1000, 'it is a debug log');
cmp_ok(scalar(@ours), '>', 5, 'with lines of ours');


# As it is, and in the forms in which a header, a body or a record has it.
sub forms {
    my ($text) = @_;
    my @part = length($text) > 40 ? substr($text, 20, 20) : ();

    return join('|', map { quotemeta }
                     $text, @part, url_escape($text), $text =~ s/ /+/gr,
                     b64_encode($text, ''));
}


sub having {
    my ($text, @lines) = @_;
    my $forms = forms($text);

    return grep { /$forms/i } @lines;
}

for my $what (sort keys %body) {
    is(join('', having($body{$what}, @entries)), '', "nowhere: $what");
}

for my $what (sort keys %header) {
    is(join('', having($header{$what}, @ours)), '', "not by us: $what");
}

is(join('', grep { /127\.0\.0\.1/ && !/client address|keepers: http:/ } @ours),
   '', 'and no address');

# What nginx itself says, by how its lines begin: secrets where it writes down
# headers, one by one or all of an answer, and variables that become one; the
# address of the page wherever it likes.
my (%headers, %pages);

for my $what (sort keys %header) {
    my $says = $what eq 'query' ? \%pages : \%headers;

    for my $line (having($header{$what}, @others)) {
        my ($begin) = $line =~ /^\S+ \S+ \[\w+\] \S+ (?:\*\d+ )?([\w ]+)/;

        $says->{$begin // $line}++;
    }
}

note("nginx: $_, $headers{$_}") for sort keys %headers;
ok($headers{'http header'}, 'nginx writes down headers');
is(join(', ', grep { !/^(?:http\ (?:header|proxy\ header|script\ \w+|map)$
                       |HTTP$)/x } sort keys %headers), '', 'and no more');
is(join(', ', grep { !/^(?:http |HTTP$)/ } sort keys %pages), '',
   'and request lines');

done_testing();
