#!/usr/bin/perl

# Copyright (C) Keepers

# What a host writes wrongly stops "nginx -t", with words that name the
# directive and say what to do; what is right loads without a Redis, touches no
# network, and is inherited as everything in nginx is.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Keepers::Certificates;
use Keepers::Test;
use MIME::Base64 qw(encode_base64);
use POSIX qw(mkfifo);
use Test::More;

my $root = $Keepers::Test::root;
my $dir = work_dir();
my $keys = keys_dir();

my %base = (keepers_zone => 'keepers_zone 1m;',
            keepers_key_file => "keepers_key_file $keys/edge.keys;",
            keepers_writer_key => "keepers_writer_key $keys/writer.pub;",
            keepers_redis => 'keepers_redis unix:/none/redis.sock;');

my $ca = Keepers::Certificates->new("$dir/tls");
my $mine = $ca->issue('edge', san => 'DNS:edge.test');

my $use = 'keepers_session required;';
my $directives = slurp(
    "$root/ngx_keepers_module/http/ngx_keepers_module.c");

# 1. contexts

my %level = (MAIN => 1, SRV => 2, ANY => 3, LOC => 4);
my %valid = (keepers_zone => '1m',
             keepers_key_file => "$keys/edge.keys",
             keepers_writer_key => "$keys/writer.pub",
             keepers_redis => 'unix:/none/redis.sock',
             keepers_redis_connect_timeout => '1s',
             keepers_redis_timeout => '1s',
             keepers_redis_connections => '1',
             keepers_redis_queue => '1',
             keepers_redis_ssl_verify => 'on',
             keepers_redis_ssl_trusted_certificate => $ca->file,
             keepers_redis_ssl_name => 'redis.test',
             keepers_redis_ssl_certificate => $mine->{certificate},
             keepers_redis_ssl_certificate_key => $mine->{key},
             keepers_limit_nodes => '3',
             keepers_session => 'required',
             keepers_session_cookie => '__Host-a',
             keepers_session_idle => '1m',
             keepers_session_absolute => '1h',
             keepers_session_remember => '30d',
             keepers_session_cache => '1s',
             keepers_session_max => '1',
             keepers_session_error => 'deny',
             keepers_signin_url => '/signin',
             keepers_step_up_url => '/step-up',
             keepers_csrf => 'on',
             keepers_signin => '/asks',
             keepers_password => '/asks',
             keepers_step_up => '/asks',
             keepers_forgot => '/asks',
             keepers_reset => '/asks',
             keepers_signout => '',
             keepers_sessions => '',
             keepers_limit_rule => 'a key=$uri rate=1/s',
             keepers_limit => 'known',
             keepers_limit_status => '503',
             keepers_link => '$arg_slug',
             keepers_thanks => '$arg_slug',
             keepers_page => "$root/conf/pages/nothing-here.html",
             keepers_link_template => "$root/conf/pages/link.html",
             keepers_thanks_template => "$root/conf/pages/thanks.html",
             keepers_problem_template => "$root/conf/pages/problem.html",
             keepers_words => "$root/conf/pages/words/de.words",
             keepers_signup_batch => '8',
             keepers_signup_body_size => '8k',
             keepers_spool => 'max=9',
             keepers_status => 'json');

my %beside = (keepers_password => ' keepers_session required;',
              keepers_signout => ' keepers_session optional;',
              keepers_sessions => ' keepers_session required;',
              keepers_step_up => ' keepers_session required;',
              keepers_redis_ssl_certificate =>
                  " keepers_redis_ssl_certificate_key $mine->{key};",
              keepers_redis_ssl_certificate_key =>
                  " keepers_redis_ssl_certificate $mine->{certificate};");

my %context = $directives =~ /ngx_string\("(\w+)"\),\s*NGX_KEEPERS_(\w+)/g;

is_deeply([sort keys %context], [sort keys %valid],
          'every directive is tried');

for my $name (sort keys %valid) {
    my $line = "$name $valid{$name};" . ($beside{$name} // '');
    my $level = $level{$context{$name}};
    my %in = (http => $level < 4, server => $level == 2 || $level == 3,
              location => $level > 2);

    # a "keepers_redis_ssl_..." wants another line than the usual one
    my $without = $name =~ /_ssl_/ ? 'keepers_redis' : $name;

    $line .= ' keepers_redis 127.0.0.1 ssl;' if $without ne $name;

    for my $where (qw(http server location)) {
        my $text = conf($where => $line, without => $without);

        if ($in{$where}) {
            loads($text, "$name in $where");

        } else {
            refuses($text, "\"$name\" directive is not allowed here",
                    "$name in $where");
        }
    }

    # once a level; limits and rules are lists
    my $twice = $name =~ /^keepers_limit(?:_rule)?$/ ? 'stands twice'
              : $name eq 'keepers_words' ? '"keepers_words": "'
              : "\"$name\" directive is duplicate";
    my ($where) = grep { $in{$_} } qw(http server location);

    refuses(conf($where => "$line $line", without => $without), $twice,
            "$name twice");

    # arguments: the flags of the table are those of the page (020)
    refuses(conf($where => $name . ' a' x 9 . ';', without => $name), $name,
            "$name with nine arguments");
    next if $name =~ /^keepers_(?:signout|sessions|spool|status)$/;
    refuses(conf($where => "$name;", without => $name),
            "invalid number of arguments in \"$name\" directive",
            "$name without arguments");
}

# 2. values: directive, level, line, the words

my @values = (
    [http => 'keepers_zone 100k;',
     'invalid zone size "100k" in "keepers_zone": give at least 1m'],
    [http => 'keepers_zone big;',
     'invalid zone size "big" in "keepers_zone": give at least 1m'],

    [http => 'keepers_redis_connect_timeout soon;',
     '"keepers_redis_connect_timeout" directive invalid value'],
    [http => 'keepers_redis_connect_timeout 0;',
     '"keepers_redis_connect_timeout" and "keepers_redis_timeout" must be at '
     . 'least 1ms'],
    [http => 'keepers_redis_timeout soon;',
     '"keepers_redis_timeout" directive invalid value'],
    [http => 'keepers_redis_timeout 0;',
     '"keepers_redis_timeout" must be at least 1ms'],
    [http => 'keepers_redis_connections 0;',
     '"keepers_redis_connections" must be 1 to 16'],
    [http => 'keepers_redis_connections 17;',
     '"keepers_redis_connections" must be 1 to 16'],
    [http => 'keepers_redis_connections many;', 'invalid number'],
    [http => 'keepers_redis_queue 0;',
     '"keepers_redis_queue" must be 1 to 65536'],
    [http => 'keepers_redis_queue 65537;',
     '"keepers_redis_queue" must be 1 to 65536'],

    [location => 'keepers_session on;',
     'invalid value "on" in "keepers_session": it must be "off", "optional" '
     . 'or "required"'],
    [location => 'keepers_session off role=owner;',
     '"keepers_session off" takes no parameter, but has "role=owner"'],
    [location => 'keepers_session required role=king;',
     'unknown role "king" in "keepers_session": roles are owner, manager, '
     . 'staff, auditor and machine'],
    [location => 'keepers_session required role=owner,;',
     'unknown role "" in "keepers_session"'],
    [location => 'keepers_session required aal=3;',
     'invalid parameter "aal=3" in "keepers_session": it takes role=a,b, '
     . 'aal=1 or aal=2, fresh=time, and bind=net, agent or both'],
    [location => 'keepers_session required bind=cookie;',
     'invalid parameter "bind=cookie" in "keepers_session"'],
    [location => 'keepers_session required fresh=never;',
     'invalid parameter "fresh=never" in "keepers_session"'],
    [location => 'keepers_session required fresh=0;',
     'invalid parameter "fresh=0" in "keepers_session"'],
    [location => 'keepers_session required soon;',
     'invalid parameter "soon" in "keepers_session"'],

    [server => 'keepers_session_cookie keepers;',
     '"keepers_session_cookie" directive takes a name that starts with '
     . '"__Host-", so that no sibling domain can set it; or add "insecure" '
     . 'for development over plain HTTP'],
    [server => 'keepers_session_cookie __Host-a insecure;',
     '"keepers_session_cookie" directive takes a name without "__" when it is '
     . '"insecure": browsers refuse such a cookie over plain HTTP'],
    [server => 'keepers_session_cookie a unsafe;',
     'invalid parameter "unsafe" in "keepers_session_cookie": the only one is '
     . '"insecure"'],
    [server => 'keepers_session_cookie "a=b" insecure;',
     'invalid name "a=b" in "keepers_session_cookie": a cookie\'s name has '
     . 'letters, digits, "-" and "_"'],
    [server => 'keepers_session_cookie ' . 'a' x 65 . ' insecure;',
     '"keepers_session_cookie" directive takes a name of 1 to 64 characters'],

    [server => 'keepers_session_idle long;',
     '"keepers_session_idle" directive invalid value'],
    [server => 'keepers_session_idle 0;',
     '"keepers_session_idle" (0 s) must be at least 1s and not longer than '
     . '"keepers_session_absolute" (43200 s)'],
    [server => 'keepers_session_idle 13h;',
     '"keepers_session_idle" (46800 s) must be at least 1s and not longer '
     . 'than "keepers_session_absolute" (43200 s)'],
    [server => 'keepers_session_absolute 1m;',
     '"keepers_session_idle" (1800 s) must be at least 1s and not longer than '
     . '"keepers_session_absolute" (60 s)'],
    [server => 'keepers_session_absolute long;',
     '"keepers_session_absolute" directive invalid value'],
    [server => 'keepers_session_remember 31d;',
     '"keepers_session_remember 31d" is longer than 30d: who has not signed in '
     . 'for so long should prove again who it is'],
    (map { [server => "keepers_session_remember $_;",
            "invalid value \"$_\" in \"keepers_session_remember\": it must be "
            . '"off", or a time of at most 30d'] } qw(0 on forever -1d 1.5d)),
    [server => 'keepers_session_remember 11h;',
     '"keepers_session_remember" (39600 s) must not be shorter than '
     . '"keepers_session_absolute" (43200 s): who asks to stay signed in would '
     . 'be signed out sooner'],
    [server => 'keepers_session_cache 31s;',
     '"keepers_session_cache" must be at most 30s: a session that was ended '
     . 'would live on for as long'],
    [server => 'keepers_session_max 0;',
     '"keepers_session_max" must be 1 to 50'],
    [server => 'keepers_session_max 51;',
     '"keepers_session_max" must be 1 to 50'],
    [location => 'keepers_session_error allow;',
     'invalid value "allow" in "keepers_session_error": it must be "deny", or '
     . '"stale=time" of at most 1h'],
    [location => 'keepers_session_error stale=2h;',
     'invalid value "stale=2h" in "keepers_session_error"'],
    [location => 'keepers_session_error stale=0;',
     'invalid value "stale=0" in "keepers_session_error"'],
    [location => 'keepers_signout;',
     '"keepers_signout" of the location "/" would end no session: write '
     . '"keepers_session optional" there'],
    [location => 'keepers_session optional; keepers_sessions;',
     '"keepers_sessions" of the location "/" would serve nobody: write '
     . '"keepers_session required" there'],
    [location => 'keepers_session optional; keepers_password /asks;',
     '"keepers_password" of the location "/" would serve nobody: write '
     . '"keepers_session required" there'],
    [location => 'keepers_session required; keepers_password asks;',
     'invalid uri "asks" in "keepers_password": it is an internal location '
     . 'that asks the writer, and starts with "/"'],
    [location => 'keepers_session optional; keepers_step_up /asks;',
     '"keepers_step_up" of the location "/" would raise no session: write '
     . '"keepers_session required" there'],
    [location => 'keepers_csrf maybe;',
     'invalid value "maybe" in "keepers_csrf" directive, it must be "on" or '
     . '"off"'],
    [location => 'keepers_signin http://writer/;',
     'invalid uri "http://writer/" in "keepers_signin": it is an internal '
     . 'location that asks the writer, and starts with "/"'],
    [location => 'keepers_forgot forgot;',
     'invalid uri "forgot" in "keepers_forgot": it is an internal location '
     . 'that asks the writer, and starts with "/"'],
    [location => 'keepers_reset /a; keepers_reset /a;',
     '"keepers_reset" directive is duplicate'],
    [location => 'keepers_step_up up;',
     'invalid uri "up" in "keepers_step_up": it is an internal location that '
     . 'asks the writer, and starts with "/"'],

    [http => 'keepers_limit_rule a key=$uri;',
     'keepers_limit_rule "a" needs key= and rate=, as in '
     . 'key=$keepers_client rate=5/10m'],
    [http => 'keepers_limit_rule a rate=1/s;',
     'keepers_limit_rule "a" needs key= and rate='],
    [http => 'keepers_limit_rule "a b" key=$uri rate=1/s;',
     'keepers_limit_rule "a b": a name has 1 to 32 letters, digits, "_" or '
     . '"-"'],
    [http => 'keepers_limit_rule a key=$uri rate=fast;',
     'keepers_limit_rule "a": invalid rate "fast", write a number and a '
     . 'period, as in "10/s", "5/10m" or "100/d"'],
    [http => 'keepers_limit_rule a key=$uri rate=0/s;',
     'keepers_limit_rule "a": rate "0/s" is out of range, at most 1000000 a '
     . 'second and at least 1 a period'],
    [http => 'keepers_limit_rule a key=$uri rate=1/s burst=0;',
     'keepers_limit_rule "a": invalid burst "0", it must be a number from 1 '
     . 'to 1000000'],
    [http => 'keepers_limit_rule a key=$uri rate=1/s mode=loud;',
     'keepers_limit_rule "a": invalid mode "loud", it must be "enforce", '
     . '"shadow", or of signups "tap" or "hold"'],
    [http => 'keepers_limit_rule a key=$uri rate=1/s if=$keepers_nobody;',
     'unknown "keepers_nobody" variable'],
    [http => 'keepers_limit_nodes 0;', '"keepers_limit_nodes" must be 1 to '
     . '1000'],
    [http => 'keepers_limit_nodes 1001;', '"keepers_limit_nodes" must be 1 to '
     . '1000'],
    [http => 'keepers_limit_rule a key=$uri rate=1/s count=some;',
     'keepers_limit_rule "a": invalid count "some", it must be "all" '
     . 'or "failures"'],
    [http => 'keepers_limit_status 200;',
     'invalid value "200" of keepers_limit_status, it must be from 400 to '
     . '599, and not 401 or 403'],
    [http => 'keepers_limit_status 403;',
     'invalid value "403" of keepers_limit_status'],
    [http => 'keepers_limit_rule a key=$uri rate=1/s zone=z;',
     'keepers_limit_rule "a": invalid parameter "zone=z"; there are key= '
     . 'rate= burst= count= mode= if='],
    [http => 'keepers_limit_rule a key=$uri rate=1/s rate=2/s;',
     'keepers_limit_rule "a": repeated parameter "rate=2/s"'],
    [http => 'keepers_limit_rule a key=$keepers_nobody rate=1/s;',
     'unknown "keepers_nobody" variable'],
    [location => 'keepers_limit unknown;',
     'keepers_limit "unknown": there is no keepers_limit_rule of this name '
     . 'above: define it in the http block'],
    [location => 'keepers_limit known weight=2;',
     'keepers_limit "known": invalid parameter "weight=2", there are cost= '
        . 'and at=signup'],

    [location => 'keepers_link $keepers_nobody;',
     'unknown "keepers_nobody" variable'],
    [location => 'keepers_thanks $keepers_nobody;',
     'unknown "keepers_nobody" variable'],
    [location => 'keepers_spool max=0;',
     'invalid parameter "max=0" in "keepers_spool": it takes max=N, how many '
     . 'signups may wait in Redis'],
    [location => 'keepers_spool 9;', 'invalid parameter "9"'],
    [location => 'keepers_status xml;',
     'invalid value "xml" of keepers_status, it must be "prometheus" or '
     . '"json"'],
    map({ [location => "keepers_signup_batch $_;",
           '"keepers_signup_batch" must be 1 to 32 signups'] } 0, 33),
    [location => 'keepers_signup_batch many;',
     '"keepers_signup_batch" directive invalid number'],
    [location => 'keepers_signup_body_size 0;',
     '"keepers_signup_body_size" must be 1 byte to 65536 bytes'],
    [location => 'keepers_signup_body_size 65k;',
     '"keepers_signup_body_size" must be 1 byte to 65536 bytes'],
    [location => 'keepers_signup_body_size big;',
     '"keepers_signup_body_size" directive invalid value'],
);

for (@values) {
    my ($where, $line, $words) = @$_;
    my ($name) = $line =~ /^(\w+)/;

    refuses(conf($where => $line, without => $name), $words, $line);
}

refuses(conf(http => join("\n", map { "keepers_limit_rule r$_ key=\$uri "
                                      . 'rate=1/s;' } 1 .. 64)),
        'there can be at most 64 rules', 'a 65th rule');
refuses(conf(http => join("\n", map { "keepers_limit_rule r$_ key=\$uri "
                                      . 'rate=1/s;' } 1 .. 9),
             location => join("\n", map { "keepers_limit r$_;" } 1 .. 9)),
        'keepers_limit "r9": a location can have at most 8 limits',
        'a ninth limit');

# 3. Redis

my $secret = spew("$dir/redis.password", "swordfish\n");
my $open = spew("$dir/open.password", "swordfish\n", 0644);
my $empty = spew("$dir/empty.password", "\n");
my $long = spew("$dir/long.password", "two\nlines\n");
my $huge = spew("$dir/huge.password", 'x' x 515);
my $pipe = "$dir/pipe";

# what is no file and would let nginx wait for its other end
mkfifo($pipe, 0600) or die("$pipe: $!\n");

my @redis = (
    ['unix:', 'in the address "unix:" of "keepers_redis"'],
    ['127.0.0.1:port', 'invalid port in the address "127.0.0.1:port" of '
                       . '"keepers_redis"'],
    ['cluster:', 'no host in the address "" of "keepers_redis"'],
    ['cluster:127.0.0.1,', 'no host in the address "" of "keepers_redis"'],
    ['cluster:127.0.0.1:x', 'invalid port in the address "127.0.0.1:x"'],
    ['cluster:unix:/none', '"unix:/none" of "keepers_redis" is no node of a '
     . 'cluster: write "host:port"'],
    ['cluster:127.0.0.1,127.0.0.1:6379', 'the node "127.0.0.1:6379" stands '
     . 'twice in "keepers_redis"'],
    ['cluster:' . join(',', map { "127.0.0.$_" } 1 .. 9), '"keepers_redis" '
     . 'names more than 8 nodes of a cluster: leave some out'],
    ['cluster:127.0.0.1 db=1', '"db=1" of "keepers_redis" is not for '
     . '"cluster:": a cluster has database 0 alone, leave "db=" out'],
    ['cluster:redis.example', '"keepers_redis" names the host '
     . '"redis.example": add a "resolver" to the "http" block'],
    ['cluster:127.0.0.1 ssl', '"ssl" of "keepers_redis" with "cluster:" needs '
     . 'a "keepers_redis_ssl_name" that the certificates of all nodes have: '
     . 'whom a node names has no name of its own'],
    ['sentinel:127.0.0.1', '"sentinel:127.0.0.1" of "keepers_redis" has no '
     . '"@": write "sentinel:NAME@host:port,host:port", the name as in their '
     . '"sentinel monitor"'],
    ['sentinel:@127.0.0.1', 'the name "" in "sentinel:" of "keepers_redis" is '
     . 'not 1 to 64 letters, digits, ".", "-" and "_"'],
    ['sentinel:ma/in@127.0.0.1', 'the name "ma/in" in "sentinel:"'],
    ['sentinel:' . 'x' x 65 . '@127.0.0.1', 'is not 1 to 64 letters'],
    ['sentinel:main@', 'no host in the address "" of "keepers_redis"'],
    ['sentinel:main@127.0.0.1,', 'no host in the address "" of'],
    ['sentinel:main@127.0.0.1:x', 'invalid port in the address "127.0.0.1:x"'],
    ['sentinel:main@[::1', 'in the address "[::1" of "keepers_redis"'],
    ['sentinel:main@unix:/none', '"unix:/none" of "keepers_redis" is no '
     . 'Sentinel: write "host:port"'],
    ['sentinel:main@127.0.0.1,127.0.0.1:26379', 'the Sentinel '
     . '"127.0.0.1:26379" stands twice in "keepers_redis"'],
    ['sentinel:main@' . join(',', map { "127.0.0.$_" } 1 .. 9),
     '"keepers_redis" names more than 8 Sentinels: leave some out'],
    ['sentinel:main@127.0.0.1,sentinel.example', '"keepers_redis" names the '
     . 'host "sentinel.example": add a "resolver" to the "http" block'],
    ['sentinel:main@127.0.0.1 sentinel_user=', '"sentinel_user=" of '
     . '"keepers_redis" has 1 to 128 bytes'],
    ['sentinel:main@127.0.0.1 sentinel_user=edge', '"keepers_redis" has '
     . '"sentinel_user=" but no "sentinel_password_file="'],
    ["sentinel:main\@127.0.0.1 sentinel_password_file=$open",
     "holds secrets and may be read by others (mode 0644"],
    ["sentinel:main\@127.0.0.1 sentinel_password_file=$empty",
     "\"sentinel_password_file=$empty\" of \"keepers_redis\" has to hold the "
     . 'password alone'],
    ["127.0.0.1 sentinel_password_file=$secret", '"sentinel_password_file=" '
     . 'of "keepers_redis" is for an address "sentinel:NAME@host:port"'],
    ['sentinel:main@127.0.0.1 ssl', '"ssl" of "keepers_redis" with '
     . '"sentinel:" needs a "keepers_redis_ssl_name" that the certificates of '
     . 'all Sentinels and servers have'],
    ['127.0.0.1 db=x', '"db=x" of "keepers_redis" is not a number from 0 to '
                       . '65535'],
    ['127.0.0.1 user=edge', '"keepers_redis" has "user=" but no '
                            . '"password_file="'],
    ['127.0.0.1 user=', '"user=" of "keepers_redis" has 1 to 128 bytes'],
    ["127.0.0.1 password_file=$dir/none",
     "\"keepers_redis\" cannot open \"$dir/none\": write the password into it, "
     . 'readable by the user who starts nginx (2: No such file or directory)'],
    ["127.0.0.1 password_file=$open",
     "\"keepers_redis\" \"$open\" holds secrets and may be read by others "
     . "(mode 0644 is not 0600 or stricter): chmod 0600 \"$open\""],
    ["127.0.0.1 password_file=$empty",
     'has to hold the password alone, one line of 1 to 512 bytes'],
    ["127.0.0.1 password_file=$long",
     'has to hold the password alone, one line of 1 to 512 bytes'],
    ["127.0.0.1 password_file=$huge", 'is larger than 514 bytes'],
    ["127.0.0.1 password_file=$keys",
     "\"keepers_redis\" \"$keys\" is not a file"],
    ["127.0.0.1 password_file=$pipe",
     "\"keepers_redis\" \"$pipe\" is not a file"],
    ['127.0.0.1 "prefix={a}"', '"prefix={a}" of "keepers_redis" is not at most '
                             . '64 visible ASCII characters without braces'],
    ['127.0.0.1 db=1 db=2', '"db=" stands twice in "keepers_redis"'],
    ['127.0.0.1 ssl=on', '"keepers_redis" knows no "ssl", only "db=", "user=", '
                         . '"password_file=", "prefix=", "ssl", '
                         . '"sentinel_user=" and "sentinel_password_file="'],
    ['127.0.0.1 sslv3', '"keepers_redis" knows no "sslv3", only'],
    ['127.0.0.1 ssl ssl', '"ssl" stands twice in "keepers_redis"'],
    ['unix:/none/redis.sock ssl', '"ssl" of "keepers_redis" is for '
     . '"host:port": on a Unix socket Redis speaks no TLS'],
    ['redis.example.com:6379', '"keepers_redis" names the host '
     . '"redis.example.com": add a "resolver" to the "http" block, or write '
     . 'an address'],
);

for (@redis) {
    my ($arguments, $words) = @$_;

    refuses(conf(http => "keepers_redis $arguments;", location => $use,
                 without => 'keepers_redis'), $words, "redis: $arguments");
}

my $theirs = $ca->issue('other', san => 'DNS:other.test');
my $locked = "$dir/tls/locked.key";

system("openssl ec -in $mine->{key} -aes128 -passout pass:swordfish "
       . "-out $locked 2>/dev/null") == 0 or die("openssl failed\n");

my $pair = "keepers_redis_ssl_certificate $mine->{certificate};\n"
         . 'keepers_redis_ssl_certificate_key';

my @tls = (
    ["keepers_redis_ssl_trusted_certificate $dir/none;",
     '"keepers_redis_ssl_trusted_certificate" cannot read "' . "$dir/none\": it "
     . 'has to hold certificates of authorities, PEM'],
    ["keepers_redis_ssl_trusted_certificate $open;",
     "cannot read \"$open\": it has to hold certificates of authorities"],
    ["keepers_redis_ssl_certificate $mine->{certificate};",
     '"keepers_redis_ssl_certificate" and "keepers_redis_ssl_certificate_key" '
     . 'go together'],
    ["keepers_redis_ssl_certificate_key $mine->{key};", 'go together'],
    ["$pair $theirs->{key};", "$theirs->{key}\" have to be a certificate, PEM, "
     . 'and its key, without a password'],
    ["$pair $locked;", "$locked\" have to be a certificate, PEM, and its key"],
    ["keepers_redis_ssl_certificate $dir/none;\n"
     . "keepers_redis_ssl_certificate_key $mine->{key};",
     "\"keepers_redis_ssl_certificate $dir/none\" and"],
    ["$pair $dir/none;", '"keepers_redis_ssl_certificate_key" cannot open '
     . "\"$dir/none\": write a private key into it"],
    ["$pair $open;", "\"keepers_redis_ssl_certificate_key\" \"$open\" holds "
     . 'secrets and may be read by others (mode 0644'],
    ['keepers_redis_ssl_verify maybe;', 'invalid value "maybe"'],
);

for (@tls) {
    my ($lines, $words) = @$_;

    refuses(conf(http => "keepers_redis 127.0.0.1 ssl;\n$lines",
                 location => $use, without => 'keepers_redis'), $words,
            "TLS: $lines");
}

for (qw(verify trusted_certificate name certificate certificate_key)) {
    refuses(conf(http => "keepers_redis_ssl_$_ "
                       . $valid{"keepers_redis_ssl_$_"} . ';',
                 location => $use),
            '"keepers_redis_ssl_..." does nothing unless "keepers_redis" ends '
            . 'with "ssl"', "keepers_redis_ssl_$_ without ssl");
}

my ($status, $said) = nginx_test(conf(http => "keepers_redis 127.0.0.1 ssl;\n"
    . "keepers_redis_ssl_verify off;\n$pair $mine->{key};",
    location => $use, without => 'keepers_redis'));

is($status, 0, 'TLS without verification loads');
like($said, qr/\[warn\].*whoever is on the way can pass for Redis/,
     'with a warning');

(undef, $said) = nginx_test(conf(http => 'keepers_limit_rule seldom '
                                         . 'key=$arg_a rate=1/s;',
                                 location => $use));

like($said, qr/\[warn\].*"seldom" limits nothing/, 'a rule that no location '
     . 'uses is no error, but is told of');

(undef, $said) = nginx_test(conf(http => 'keepers_redis 127.0.0.1 '
                                    . 'password=swordfish;',
                                    without => 'keepers_redis'));

like($said, qr/"keepers_redis" knows no "password"/, 'password= is refused');
unlike($said, qr/swordfish/, 'and not repeated');

loads(conf(http => "keepers_redis 127.0.0.1:7 db=3 user=u "
           . "password_file=$secret prefix=a:;", without => 'keepers_redis'),
      'all parameters of keepers_redis');
loads(conf(http => "keepers_redis $_;", location => $use,
           without => 'keepers_redis'), "redis: $_")
    for 'sentinel:main@127.0.0.1', 'sentinel:a.b-c_D9@[::1],[::2]:26380',
        'sentinel:main@' . join(',', map { "127.0.0.$_:$_" } 1 .. 8),
        "sentinel:main\@127.0.0.1 user=a password_file=$secret "
        . "sentinel_user=b sentinel_password_file=$secret db=1";
loads(conf(http => 'resolver 127.0.0.1; keepers_redis '
                   . 'sentinel:main@a.example,b.example:1;',
           location => $use, without => 'keepers_redis'),
      'Sentinels with names, and a resolver');
loads(conf(http => 'keepers_redis sentinel:main@127.0.0.1 ssl; '
                   . 'keepers_redis_ssl_verify off;',
           location => $use, without => 'keepers_redis'),
      'Sentinels over TLS without verification');
loads(conf(http => 'resolver 127.0.0.1; keepers_redis redis.example.com;',
           location => $use, without => 'keepers_redis'),
      'a name with a resolver');

# 4. key files

my $good = encode_base64(pack('C32', 1 .. 32), '');
my $other = encode_base64(pack('C32', 2 .. 33), '');
my $make = 'make one with "keepers-writer keygen DIRECTORY"';

my @rings = (
    ['', 'no key in the file', 0],
    ["# nothing\n\n", 'no key in the file', 0],
    ["$good\n", 'the line is not "id:base64"', 1],
    ["a:not base64\n", 'a', 1],
    ["a:$good\nb:" . encode_base64('short', '') . "\n",
     'a key must have exactly 32 bytes', 2],
    ["a:$good\na:$other\n", 'the id or the key stands twice', 2],
    ["a:$good\nb:$good\n", 'the id or the key stands twice', 2],
    ['a:' . encode_base64("\0" x 32, '') . "\n",
     'the key is one repeated byte, make a random one', 1],
    [join('', map { "k$_:" . encode_base64(pack('C32', $_ .. $_ + 31), '')
                    . "\n" } 1 .. 5), 'more than 4 keys', 5],
);

for my $i (0 .. $#rings) {
    my ($text, $words, $line) = @{$rings[$i]};
    my $file = spew("$dir/ring$i", $text);
    my $wanted = "\"keepers_key_file\" \"$file\" line $line: ";
    my (undef, $said) = refuses(key_file($file), $wanted, "ring $i");

    like($said, qr/\Q$words\E/, "ring $i: why");
    like($said, qr/\Q$make\E/, "ring $i: what to do");
    unlike($said, qr/\Q$good\E|\Q$other\E/, "ring $i: no key is shown");
}

my $world = spew("$dir/world.keys", "a:$good\n", 0644);
my $group = spew("$dir/group.keys", "a:$good\n", 0640);
my $large = spew("$dir/large.keys", '#' x 5000);

refuses(key_file($world), "\"keepers_key_file\" \"$world\" holds secrets and "
        . 'may be read by others (mode 0644 is not 0600 or stricter): chmod '
        . "0600 \"$world\"", 'world-readable keys');
refuses(key_file($group), 'mode 0640 is not 0600', 'group-readable keys');
refuses(key_file("$dir/absent.keys"), "\"keepers_key_file\" cannot open "
        . "\"$dir/absent.keys\": make it with \"keepers-writer keygen "
        . 'DIRECTORY", readable by the user who starts nginx (2: No such file '
        . 'or directory)', 'no key file');
refuses(key_file($large), "\"keepers_key_file\" \"$large\" cannot be read, or "
        . 'is larger than 4095 bytes', 'a large key file');
loads(key_file(spew("$dir/two.keys", "# new\nb:$other\n\na:$good\n", 0400)),
      'two keys, a comment, mode 0400');

for (["\n"], ["$good\n$other\n"], ['garbage'],
     [encode_base64('short', '') . "\n"])
{
    my $file = spew("$dir/writer.pub", $_->[0], 0644);

    refuses(writer_key($file), "\"keepers_writer_key\" \"$file\" is not one "
            . 'line of base64 of 32 bytes: give the file writer.pub that '
            . '"keepers-writer keygen DIRECTORY" made', 'a bad writer key');
}

refuses(writer_key("$dir/absent.pub"), '"keepers_writer_key" cannot open '
        . "\"$dir/absent.pub\"", 'no writer key');

mkdir("$dir/folder.pub", 0755);
refuses(writer_key("$dir/folder.pub"),
        "\"keepers_writer_key\" \"$dir/folder.pub\" is not a file",
        'a folder as the writer key');
refuses(key_file($pipe), "\"keepers_key_file\" \"$pipe\" is not a file",
        'a pipe as the key file');

# 5. what is missing

my %forgotten = (keepers_zone => 'keepers_zone 8m;',
                 keepers_key_file =>
                     'keepers_key_file /etc/keepers/edge.keys;',
                 keepers_redis => 'keepers_redis unix:/run/redis/redis.sock;',
                 keepers_writer_key =>
                     'keepers_writer_key /etc/keepers/writer.pub;');

for my $name (sort keys %forgotten) {
    for my $line ('keepers_link $arg_slug;', 'keepers_signin /asks;',
                  'keepers_session required; keepers_password /asks;')
    {
        refuses(conf(location => $line, without => $name),
                'a location uses Keepers, but the "http" block has no such '
                . "line as \"$forgotten{$name}\"", "$line without $name");
    }
}

loads(conf(location => $use, without => 'keepers_writer_key'),
      'a session check needs no writer key');
loads("server { listen unix:%%DIR%%/s; location / { root /none; } }",
      'who does not use Keepers needs nothing');

# 6. templates

my @templates = (
    ["{{business}", '"{{" without "}}", a bad name, or a value inside '
                    . '<style> or <script>', 1],
    ["a\n{{#offer}}b\n", 'a section is not closed, or closed without being '
                         . 'open', 2],
    ["a\nb\n{{nobody}}", 'unknown value', 3],
    ["<style>{{color}}</style>", 'a value inside <style>', 1],
);

for my $i (0 .. $#templates) {
    my ($text, $words, $line) = @{$templates[$i]};
    my $file = spew("$dir/page$i.html", $text);

    for my $name (qw(keepers_link_template keepers_thanks_template)) {
        my (undef, $said) = refuses(conf(location => "$name $file;"),
            "the template \"$file\" is wrong in line $line: ",
            "$name: $text");

        like($said, qr/\Q$words\E/, 'why');
    }
}

my $nobody = spew("$dir/nobody.html", "<p>\n{{keepers_nobody}}</p>\n");
my $none = spew("$dir/none.html", '');

refuses(conf(location => "keepers_page $nobody;"), "the template \"$nobody\" "
        . 'is wrong in line 2: there is no variable "$keepers_nobody"',
        'a page with an unknown variable');
refuses(conf(location => "keepers_page $none;"),
        "\"$none\" must be a file of 1 to", 'an empty template');
refuses(conf(location => "keepers_page $dir/no.html;"),
        "cannot open \"$dir/no.html\" (2: No such file or "
        . 'directory)', 'no template');
refuses(conf(location => "keepers_page $dir;"),
        "\"$dir\" must be a file of 1 to", 'a folder');

for my $name (qw(keepers_link_template keepers_problem_template)) {
    my $file = spew("$dir/word.html", "<p>\n{{\@no_such_word}}</p>\n");

    refuses(conf(location => "$name $file;"), "the template \"$file\" is wrong "
            . 'in line 2: there are no words of this name', "$name: a word");
}

# 7. words

my $german = slurp("$root/conf/pages/words/de.words");

my @words = (
    [$german . "join\n", 'are wrong in line '
     . (1 + $german =~ tr/\n//) . ': a line is "name = text"'],
    [$german . "join = Los\n", 'this name stands above already'],
    [$german . "more = \xff\n", 'this is not UTF-8'],
    [$german =~ s/^language = de$/language = D/mr,
     'need a line "language = "'],
    [$german =~ s/^direction = ltr$/direction = up/mr,
     'need a line "direction = ltr" or "direction = rtl"'],
    [$german =~ s/^tap = .*\n//mr, 'lack "tap"'],
    [$german =~ s/^say_later = /say_later = {{business}} /mr,
     '"say_later" cannot have values in it'],
    [$german =~ s/^tap = /tap = {{nobody}} /mr, 'unknown value'],
);

for my $i (0 .. $#words) {
    my ($text, $said) = @{$words[$i]};
    my $file = spew("$dir/words$i", $text);

    refuses(conf(http => "keepers_words $file;",
                 location => 'keepers_link x;'), $said, "words: $said");
}

# 8. "return" is answered before the session is looked for

my $guard = '"keepers_session required" does not protect the "return" of the ';

refuses(conf(location => "$use return 200 secret;"),
        $guard . 'location "/": nginx returns before it looks for a session; '
        . 'move the "return" elsewhere, or write "keepers_session off" there',
        'return under a required session');
refuses(conf(location => "$use if (\$arg_a) { return 200 secret; }"), $guard,
        'return in an "if"');
refuses(conf(http => $use, location => 'return 200 secret;'), $guard,
        'return under an inherited session');
refuses(conf(http => $use, server => 'return 200 secret;'), $guard,
        'return of a server');

# so is a "rewrite" that redirects: its Location may be what is protected
for my $rewrite ('^/a /b redirect', '^/a /b permanent', '^ https://x.example/b',
                 '^ $scheme://x.example/b', '^ http://x.example/b last')
{
    my $words = $guard =~ s/"return"/"rewrite"/r;

    refuses(conf(location => "$use rewrite $rewrite;"), $words,
            "rewrite $rewrite under a required session");
    refuses(conf(location => "$use if (\$arg_a) { rewrite $rewrite; }"), $words,
            "rewrite $rewrite in an \"if\"");
    loads(conf(http => $use, location => "keepers_session off; "
                                       . "rewrite $rewrite;"),
          "rewrite $rewrite where the session is off");
}

refuses(conf(http => $use, server => 'rewrite ^/a /b permanent;'),
        'does not protect the "rewrite" of the server', 'rewrite of a server');
loads(conf(location => "$use rewrite ^/a /b; rewrite ^/b /c break;"
                     . 'if ($uri ~ ^/a(.)) { set $b $1; rewrite ^ /d last; }'),
      'rewrites within');
loads(conf(http => $use, location => 'keepers_session off; return 200 a;'),
      'return where the session is off');
loads(conf(location => "$use rewrite ^/a /b break; set \$a 1;"),
      'other directives of the rewrite module');

# 9. no network: an address that listens, and is asked by nobody

my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1')
    or die("listen: $!\n");
my $address = '127.0.0.1:' . $listener->sockport();
my $quiet = conf(http => "keepers_redis $address;", location => $use,
                 without => 'keepers_redis');

loads($quiet, 'Redis does not answer');
ok(!IO::Select->new($listener)->can_read(0.1), 'nobody has connected');

SKIP: {
    skip('strace is not installed', 1) if system('strace -V >/dev/null 2>&1');

    my $file = Keepers::Test::nginx_conf($quiet, "$dir/strace", 1);
    my $trace = "$dir/strace.txt";
    my $nginx = $ENV{KEEPERS_NGINX} // '/usr/sbin/nginx';

    system("strace -f -e trace=connect -o '$trace' '$nginx' -t -q "
           . "-p '$dir/strace' -e stderr -c '$file' >/dev/null 2>&1");
    unlike(slurp($trace), qr/AF_INET/, 'no connect() to a network');
}

# TeslaGov#91: what is nested was merged wrongly.

# 10. inheritance

loads(conf(http => "keepers_session required role=owner aal=1;\n"
           . "keepers_session_cookie __Host-h;\nkeepers_session_idle 1m;\n"
           . "keepers_session_absolute 2m;\nkeepers_session_cache 1s;\n"
           . "keepers_session_max 3;\nkeepers_session_error stale=1m;\n"
           . "keepers_signin_url /in;\nkeepers_csrf off;\n"
           . "keepers_link_template $root/conf/pages/link.html;\n"
           . "keepers_thanks_template $root/conf/pages/thanks.html;\n"
           . "keepers_signup_body_size 8k;",
           server => "keepers_session optional;\n"
           . "keepers_session_cookie __Host-s;\nkeepers_session_idle 2m;\n"
           . "keepers_session_absolute 3m;\nkeepers_session_cache 0;\n"
           . "keepers_session_max 4;\nkeepers_session_error deny;\n"
           . "keepers_signin_url /sin;\nkeepers_csrf on;\n"
           . "keepers_signup_body_size 9k;",
           location => "keepers_session off; keepers_csrf off;\n"
           . "keepers_session_error stale=2m; keepers_signin_url /lin;\n"
           . 'keepers_signup_body_size 10k;'), 'three levels');
refuses(conf(http => 'keepers_session_idle 2h;',
             server => 'keepers_session_absolute 1h;'),
        '"keepers_session_idle" (7200 s) must be at least 1s and not longer '
        . 'than "keepers_session_absolute" (3600 s)',
        'values of two levels are checked together');

my $nginx = start_nginx(join("\n", values %base) . <<'END');

    keepers_session           required;
    keepers_signin_url        /one;
    keepers_session_cookie    first insecure;
    keepers_signup_body_size  1k;

    keepers_limit_rule  one  key=$http_x_who rate=1/d;
    keepers_limit_rule  two  key=$http_x_who rate=2/d;

    server {
        listen 127.0.0.1:%%PORT%%;

        location /kept/ {
            empty_gif;
            location /kept/inner/  { keepers_signin_url /two; empty_gif; }
            location /kept/open/   { keepers_session off; empty_gif; }
        }

        location = /out  { keepers_session optional; keepers_signout; }

        location = /in   { keepers_session off; keepers_signin /none; }
        location = /big  { keepers_session off; keepers_signin /none;
                           keepers_signup_body_size 4k; }
    }

    server {
        listen       127.0.0.1:%%PORT%%;
        server_name  second;

        keepers_session         off;
        keepers_session_cookie  second insecure;
        keepers_limit           one;

        location /          { empty_gif; }
        location /inherits/ { empty_gif; }
        location /own/      { keepers_limit two; empty_gif; }

        location = /out  { keepers_session optional; keepers_signout; }
    }
END

my $ua = ua();

is(get('/kept/')->code, 401, 'the session of the http level');
is(get('/kept/inner/')->code, 401, 'and of a location in a location');
is(get('/kept/open/')->code, 200, 'but where it is off');
is(get('/', Host => 'second')->code, 200, 'or off in the server');

like(get('/kept/', Accept => 'text/html')->headers->location,
     qr{^/one\?}, 'the sign-in page of the http level');
like(get('/kept/inner/', Accept => 'text/html')->headers->location,
     qr{^/two\?}, 'and of the location');

like(post('/out')->headers->set_cookie, qr/^first=;/,
     'the cookie of the http level');
like(post('/out', '', Host => 'second')->headers->set_cookie, qr/^second=;/,
     'and of the server');

my $form = 'email=a%40example.com&password=' . 'a' x 2000;

is(post('/in', $form)->code, 413, 'the body size of the http level');
isnt(post('/big', $form)->code, 413, 'and of the location');

my @second = (Host => 'second', 'X-Who' => 'b');

is(get('/inherits/', @second)->code, 200, 'a limit of the server: once');
is(get('/inherits/', @second)->code, 429, 'and not twice');
is(get('/own/', @second)->code, 200, 'a location with a limit inherits none');

done_testing();


# A configuration with lines at some levels; "without" leaves one of the base
# out, or keepers_writer_key with others.
sub conf {
    my (%at) = @_;
    my %lines = %base;

    delete $lines{$at{without} // ''};

    return join("\n", map { $lines{$_} } sort keys %lines)
        . "\nkeepers_limit_rule known key=\$uri rate=1/s;\n"
        . ($at{http} // '') . "\nserver { listen unix:%%DIR%%/s;\n"
        . ($at{server} // '') . "\nlocation / {\n" . ($at{location} // '')
        . "\n}\n}\n";
}


sub key_file {
    return conf(http => "keepers_key_file $_[0];", location => $use,
                without => 'keepers_key_file');
}


sub writer_key {
    return conf(http => "keepers_writer_key $_[0];", location => $use,
                without => 'keepers_writer_key');
}


sub loads {
    my ($text, $what) = @_;
    my ($status, $said) = nginx_test($text);

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($status, 0, "loads: $what") or diag($said);
    return ($status, $said);
}


sub refuses {
    my ($text, $words, $what) = @_;
    my ($status, $said) = nginx_test($text);

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($status != 0 && $said =~ /\[emerg\]/ && index($said, $words) >= 0,
       "refused: $what") or diag("wanted: $words\nsaid: $said");
    return ($status, $said);
}


sub get {
    my ($path, %header) = @_;

    return $ua->get("$nginx->{url}$path" => \%header)->res;
}


sub post {
    my ($path, $body, %header) = @_;

    $header{'Content-Type'} = 'application/x-www-form-urlencoded';

    return $ua->post("$nginx->{url}$path" => \%header => $body // '')->res;
}
