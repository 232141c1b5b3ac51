#!/usr/bin/perl

# Copyright (C) Keepers

# The status page counts what happened, as Prometheus text and as JSON, and
# tells nothing of a person.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256);
use Keepers::Test;
use MIME::Base64 qw(encode_base64);
use Mojo::JSON qw(decode_json);
use Test::More;


my $root = $Keepers::Test::root;
my $redis = start_redis();

my $http = <<'END';
    keepers_zone            2m;
    keepers_key_file        %%KEYS%%/edge.keys;
    keepers_redis           unix:%%REDIS%%;

    # a busy machine is no dead Redis
    keepers_redis_timeout   2s;
    keepers_session_cookie  keepers insecure;

    keepers_limit_rule  one  key=$arg_who rate=2/h;
    keepers_limit_rule  try  key=$arg_who rate=1/h mode=shadow;
END

my $nginx = start_nginx($http . <<'END');
    server {
        listen 127.0.0.1:%%PORT%%;

        location /private/   { keepers_session required; }
        location = /text     { keepers_status; }
        location = /metrics  { keepers_status prometheus; }
        location = /json     { keepers_status json; }
        location = /limited  { keepers_limit one; keepers_limit try;
                               try_files /none =204; }
    }
END

my $url = $nginx->{url};
my $ua = ua();

ok(wait_for { $ua->get("$url/metrics")->res->body
              =~ /^keepers_redis_ready 1$/m }, 'Redis becomes ready');


# Prometheus: exposition format 0.0.4

my $res = $ua->get("$url/metrics")->res;

is($res->code, 200, 'metrics are served');
is($res->headers->content_type, 'text/plain; version=0.0.4; charset=utf-8',
   'with the type of the format');
is($res->headers->cache_control, 'no-store', 'never stored');
is($ua->get("$url/text")->res->headers->content_type,
   $res->headers->content_type, 'prometheus is the default');

my (%type, %help, %value);
my @bad;

for my $line (split /\n/, $res->body) {
    if ($line =~ /^# (HELP|TYPE) (\w+) (.+)$/) {
        my $to = $1 eq 'HELP' ? \%help : \%type;

        push(@bad, "twice: $line") if exists $to->{$2};
        $to->{$2} = $3;

    } elsif ($line =~ /^((\w+?)(?:_bucket|_sum|_count)?
                        (?:\{\w+="[^"\\]*"(?:,\w+="[^"\\]*")*\})?)
                       [ ]([\d.]+)$/x) {
        push(@bad, "no type before: $line") if !$type{$2};
        push(@bad, "twice: $line") if exists $value{$1};
        $value{$1} = $3;

    } else {
        push(@bad, $line);
    }
}

is(promtool($res->body), '', 'promtool agrees');
is("@bad", '', 'every line is a comment or a sample with a type before it');
is(join(' ', grep { !$help{$_} } keys %type), '', 'each has a help');
is(join(' ', grep { ($type{$_} eq 'counter') != /_total$/ } keys %type), '',
   'counters end in _total, and only they');

cmp_ok($value{'keepers_table_slots{table="sessions"}'}, '>=', 64,
       'the zone has room for sessions');
is($value{'keepers_table_slots_used{table="sessions"}'}, 0, 'none is used');
is($value{'keepers_redis_connects_total'}, 2,
   'two connections were made: for commands, and to listen');


# It counts

# What Prometheus' own checker says; "" if it has nothing to say.
sub promtool {
    my ($text) = @_;
    my $file = work_dir() . '/metrics.txt';

    spew($file, $text);
    return qx{'$root/build/tools/usr/bin/promtool' check metrics <'$file' 2>&1};
}

sub value {
    my ($name) = @_;
    my ($n) = $ua->get("$url/metrics")->res->body =~ /^\Q$name\E (\d+)$/m;

    return $n;
}

# The same keys show alike wherever they are, and nothing of them.

my @shown = $ua->get("$url/metrics")->res->body
            =~ /^(keepers_key_info\{key="\S+",check="[0-9a-f]{8}",place="current"\} 1)$/mg;

is(scalar(@shown), 1, 'one key is the current one');

my $before = value('keepers_session_checks_total{state="none"}');

$ua->get("$url/private/") for 1 .. 3;

is(value('keepers_session_checks_total{state="none"}'), $before + 3,
   'three requests without a session were counted');


# What the zone knows to be no session costs Redis nothing, and has its row.

my $token = 'v1.' . 'x' x 53 . 'A';
my %was = map { $_ => value("keepers_session_checks_total{state=\"$_\"}") }
              qw(none negative);

for my $try (1 .. 20) {
    $ua->get("$url/private/" => { Cookie => "keepers=$token" });

    last if value('keepers_session_checks_total{state="negative"}')
            > $was{negative};
}

is(value('keepers_session_checks_total{state="negative"}'),
   $was{negative} + 1, 'what the zone refused was counted');
cmp_ok(value('keepers_session_checks_total{state="none"}'), '>', $was{none},
       'apart from what Redis did not know');

$before = value('keepers_session_checks_total{state="none"}') - 3;


# envoyproxy/ratelimit#424: what shadow finds was not counted.
# Limits by rule; a reload keeps them, wherever a rule stands then

sub rules {
    my %rules;
    my $text = $ua->get("$url/metrics")->res->body;

    while ($text =~ /^keepers_limit_rule_total\{rule="(\w+)",mode="(\w+)",
                      verdict="(\w+)"\}[ ](\d+)$/mgx) {
        $rules{"$1 $2 $3"} = $4 if $4;
    }

    return \%rules;
}

is(join(' ', map { $ua->get("$url/limited?who=a")->res->code } 1 .. 4),
   '204 204 429 429', 'two pass');

my %counted = ('one enforce passed' => 2, 'one enforce limited' => 1,
               'one enforce remembered' => 1, 'try shadow passed' => 1,
               'try shadow limited' => 2);

my $rules = rules();

# the request that the zone refused was not asked about by the other rule
$counted{'try shadow passed'} = $rules->{'try shadow passed'};
is_deeply($rules, \%counted, 'each rule has its own counters');
is(promtool($ua->get("$url/metrics")->res->body), '', 'promtool agrees');

my $file = "$nginx->{dir}/nginx.conf";

spew($file, slurp($file) =~ s{(keepers_limit_rule  one)}
                             {keepers_limit_rule new key=\$uri rate=9/s; $1}r,
     0644);
reload($nginx);
is_deeply(rules(), \%counted, 'and keeps them over a reload');


# A page for a person

$res = $ua->get("$url/text", { Accept => 'text/html' })->res;

is($res->headers->content_type, 'text/html; charset=utf-8',
   'a browser gets a page');
like($res->body, qr{>rule=one,mode=enforce,verdict=passed</th><td>2</td>},
     'with the same values');

my ($css) = $res->body =~ m{<style>(.*)</style>}s;
my $hash = encode_base64(sha256($css), '');

like($res->headers->header('Content-Security-Policy'),
     qr/style-src 'sha256-\Q$hash\E'/, 'its CSP allows its style');
unlike($res->body, qr/<script| style=|https?:/, 'and it needs nothing else');
is($ua->get("$url/metrics", { Accept => 'text/html' })->res->headers
      ->content_type, 'text/plain; version=0.0.4; charset=utf-8',
   'a format that is configured is kept');


# JSON: the same values

$res = $ua->get("$url/json")->res;

is($res->headers->content_type, 'application/json', 'JSON has its type');

my $json = eval { decode_json($res->body) };

ok($json, 'JSON is JSON') or diag($res->body);
is($json->{keepers_session_checks_total}{'state=none'}, $before + 3,
   'it has the counters');
is($json->{keepers_table_slots}{'table=sessions'},
   $value{'keepers_table_slots{table="sessions"}'}, 'and the gauges');
is($json->{keepers_redis_ready}, 1, 'and the state of Redis');


# Only read

is($ua->post("$url/metrics")->res->code, 405, 'POST is refused');
is($ua->head("$url/metrics")->res->code, 200, 'HEAD is answered');
is(length(raw($nginx->{port}, "HEAD /metrics HTTP/1.0\r\n\r\n")
          =~ s/^.*?\r\n\r\n//sr), 0, 'without a body');


# nchan 1.3.6: a crash of the counters after a reload.
# Counters outlive a reload

reload($nginx);

is(value('keepers_session_checks_total{state="none"}'), $before + 3,
   'a reload keeps the counters');


# Redis goes

kill_hard($redis);

ok(wait_for { value('keepers_redis_ready') eq '0' }, 'its loss shows');


# Configuration

my ($status, $words) = nginx_test($http . <<'END');
    server { listen 127.0.0.1:1; location = /s { keepers_status xml; } }
END

isnt($status, 0, 'another format is refused');
like($words, qr/"xml".*"prometheus" or "json"/, 'with words that help');

($status, $words) = nginx_test(<<'END');
    server { listen 127.0.0.1:1; location = /s { keepers_status; } }
END

isnt($status, 0, 'a status without a zone is refused');
like($words, qr/keepers_zone/, 'and says what is missing');

done_testing();
