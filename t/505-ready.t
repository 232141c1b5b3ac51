#!/usr/bin/perl

# Copyright (C) Keepers

# /readyz says before the first customer comes that the writer could not open
# what this host seals: whichever of the two has another's keys.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Keepers::Writer;
use Mojo::Util qw(b64_encode);
use Test::More;


my $p = start_platform(limits => 'off');
my $writer = Keepers::Writer->of_platform($p);
my $conf = "$p->{dir}/conf/keepers.conf";
my $ours = slurp($conf);
my $other = "$p->{dir}/other/keys";
my $n = 0;

mkdir("$p->{dir}/other");
Keepers::Writer::keygen($other);


sub ready { return ua()->get("$p->{url}/readyz")->res }

sub says { return ready()->code . ' ' . (ready()->json->{part} // 'well') }

sub asked {
    my ($header) = @_;

    return $writer->{ua}->get($writer->url('/readyz') => $header)->res;
}

sub join_link {
    return ua()->post($p->{link_url} => { 'Idempotency-Key' => 'k' . ++$n }
        => json => { name => 'Ana', email => "canary-$n\@example.org" })
        ->res->code;
}


# An edge that has these files of another writer.
sub edge_with {
    my (@files) = @_;
    my $text = $ours;

    $text =~ s{\S*/keys/\Q$_\E}{$other/$_} or die("no $_\n") for @files;
    spew($conf, $text);
    ok(reload($p->{nginx}), 'a reload');
}


subtest 'all is well' => sub {
    is(says(), '200 well', 'the host is ready');
    is(join_link(), 202, 'and takes signups');
    is(ua()->get("$p->{url}/readyz" => { 'Keepers-Probe' => 'x' })->res->code,
       200, 'whatever a client sends');
    is(ua()->head("$p->{url}/readyz")->res->code, 200, 'HEAD as well');
};

subtest 'the writer itself' => sub {
    my $signup = $writer->seal(signup => slug => 'corner-coffee');
    my $text = b64_encode($signup, '') =~ tr{+/}{-_}r =~ s/=+$//r;

    is(asked({})->code, 200, 'asked on its socket, without an envelope');

    for my $probe ('x', 'A' x 159, $text, 'A' x 5000) {
        my $res = asked({ 'Keepers-Probe' => $probe });

        is($res->code, 503, 'with one that is none: ' . length($probe));
        is($res->json->{part}, 'keys', 'and says so');
        is($res->headers->header('Retry-After'), 1, 'with a time');
    }
};

subtest 'the edge has another key of a writer' => sub {
    edge_with('writer.pub');
    is(says(), '503 keys', 'it is not ready');
    is(join_link(), 503, 'nor is a signup thanked');
    edge_with();
    is(says(), '200 well', 'with the right one it is');
    is(join_link(), 202, 'and so are people');
};

subtest 'the edge has keys that the writer does not share' => sub {
    edge_with('edge.keys');
    is(says(), '503 keys', 'it is not ready');
    edge_with();
    is(says(), '200 well', 'with the right ones it is');
};

subtest 'the writer has another key' => sub {
    my ($file) = slurp("$p->{dir}/conf/writer.ini") =~ /^key\s*=\s*(\S+)/m;
    my $key = slurp($file);

    stop($p->{writer});
    is(ready()->json->{part}, 'writer', 'it is away');
    spew($file, slurp("$other/writer.key"));
    restart($p->{writer});
    ok((wait_for { says() eq '503 keys' }), 'it is back with another key');
    is(asked({})->code, 200, 'of which it does not know itself');
    is(join_link(), 503, 'nobody is thanked');

    stop($p->{writer});
    spew($file, $key);
    restart($p->{writer});
    ok((wait_for { says() eq '200 well' }), 'with its own it is ready');
    is(join_link(), 202, 'and takes signups');
};

subtest 'an edge without a writer' => sub {
    my $nginx = start_nginx(<<'END');
        keepers_zone      1m;
        keepers_key_file  %%KEYS%%/edge.keys;
        keepers_redis     unix:%%REDIS%%;

        server {
            listen 127.0.0.1:%%PORT%%;
            location / { return 200 "probe=$keepers_probe."; }
        }
END

    is(ua()->get("$nginx->{url}/")->res->body, 'probe=.', 'seals nothing');
};

done_testing();
