#!/usr/bin/perl

# Copyright (C) Keepers

# What a person types stands in the database, sealed, and nowhere else: not in
# a log, a Redis dump, its append-only file, a temporary file or a counter.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use File::Find ();
use Mojo::Util qw(url_escape b64_encode);
use Test::More;


my $p = start_platform(limits => 'off');

my %person = (name => 'Canaria Vogelsang-Qz', phone => '+44 20 7946 0991',
              email => 'canary-joins@example.org');
my $password = 'canary-Secret-99Qz';


# The page's form, filled in.
sub join_link {
    my ($ua, %form) = @_;
    my $page = $ua->get($p->{link_url})->res->dom;
    my %field = map { ($_->attr('name') => $_->attr('value') // '') }
                grep { ($_->attr('type') // '') ne 'checkbox' }
                @{$page->find('input[name]')};

    delete $field{no_phone};

    return $ua->post($p->{link_url} => form => { %field, %form })->res;
}


sub everything {
    my ($dir) = @_;
    my %text;

    File::Find::find({ no_chdir => 1, wanted => sub {
        $text{$_} = slurp($_) if -f $_ && !m{/(keys|conf)/|\.env$};
    } }, $dir);

    return \%text;
}


my $ua = ua();
my $res = join_link($ua, %person);

# a human is not as fast as this: one more tap
if ($res->code == 200) {
    my %field = map { ($_->attr('name') => $_->attr('value') // '') }
                grep { ($_->attr('type') // '') ne 'checkbox' }
                @{$res->dom->find('input[name]')};

    delete $field{no_phone};
    $res = $ua->post($p->{link_url} => form => \%field)->res;
}

is($res->code, 303, 'a person joins');

# every refusal has seen the values too
join_link($ua, %person, email => 'canary-broken');
join_link($ua, %person, token => 'forged');
$ua->post($p->{link_url} => { 'Content-Type' => 'application/json' }
          => '{"name":"' . $person{name} . '","email":"canary-json@example.org"');
$ua->post($p->{link_url} => { 'Content-Type' => 'application/json',
          'Idempotency-Key' => 'canary-key-1' } =>
          '{"name":"' . $person{name} . '","email":"canary-json@example.org"}');
$ua->get("$p->{link_url}?email=canary-query\@example.org&name=$person{name}");
$ua->post("$p->{url}/signin" => { Origin => $p->{url} } => form =>
          { email => 'canary-signs@example.org', password => $password });

my $owner = sign_in($p);
my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
               @{$owner->cookie_jar->all};

like($owner->get("$p->{url}/api/v1/customers?q=canary-joins")->res->body,
     qr/canary-joins/, 'the owner finds them');

subtest 'with the writer away' => sub {
    stop($p->{writer});
    is(join_link(ua(), %person, email => 'canary-away@example.org')->code
       =~ /^(200|503)$/ ? 1 : 0, 1, 'a signup is refused or asked again');
    restart($p->{writer});
};

redis_cli($p->{redis}, 'SAVE');
redis_cli($p->{redis}, 'BGREWRITEAOF');
wait_for { redis_cli($p->{redis}, 'INFO', 'persistence')
           =~ /aof_rewrite_in_progress:0/ };

my $status = ua()->get("$p->{url}/keepers/status")->res->body;
my $text = everything($p->{dir});
my %secret = (name => $person{name}, address => 'canary-\w+@',
              digits => '7946\s?0991', password => $password,
              owner => $p->{owner_email}, secret => $p->{owner_password},
              cookie => substr($cookie, 3), 'part of a cookie'
              => substr($cookie, 20, 24));

cmp_ok(scalar(keys %$text), '>', 5, 'files were written');
ok((grep { /\.aof$|\.rdb$/ } keys %$text) > 1, 'dumps of Redis among them');
ok((grep { /\.db/ } keys %$text) > 0, 'and the database');

for my $what (sort keys %secret) {
    my $pattern = $what =~ /address|digits/ ? $secret{$what}
                                            : quotemeta($secret{$what});
    my @forms = ($pattern);

    push(@forms, quotemeta(url_escape($secret{$what})),
         quotemeta(b64_encode($secret{$what}, '')))
        if $what !~ /address|digits/;

    my $any = join('|', @forms);
    my @found = grep { $text->{$_} =~ /$any/i } sort keys %$text;

    is("@found", '', "no file has the $what");
    unlike($status, qr/$any/i, "no counter has the $what");
}

unlike($text->{$p->{access_log}}, qr/127\.0\.0\.1/, 'no log has an address');

done_testing();
