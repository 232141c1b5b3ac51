package Keepers::Test;

# Copyright (C) Keepers

# Starts and stops what a test needs, on ports and in a folder of its own.
#
#     use lib "$FindBin::Bin/lib";
#     use Keepers::Test;
#
#     my $redis = start_redis();
#     my $nginx = start_nginx(<<'END');           # inside http { }
#     keepers_zone      1m;
#     keepers_key_file  %%KEYS%%/edge.keys;
#     keepers_redis     unix:%%REDIS%%;
#     server { listen 127.0.0.1:%%PORT%%; location / { ... } }
#     END
#
#     is(ua()->get("$nginx->{url}/")->res->code, 200, 'the page is served');
#     like(raw($nginx->{port}, "GET / HTTP/1.0\r\n\r\n"), qr/ 200 /, 'raw');
#
#     pause($redis); ...; resume($redis);         # SIGSTOP, SIGCONT
#     kill_hard($redis); restart($redis);
#     done_testing();
#
# my $p = start_platform() starts Redis, writer and nginx with the shipped
# configuration and a demo business.  $p->{url}, {link_url}, {owner_email} ...
# are the lines of demo.env in lower case; $p->{redis}, {writer}, {nginx} the
# processes.  sign_in($p) is a client with the owner's session.
#
# A process is a hash: pid, name, log, and port, url, dir, error_log of an
# nginx.  Substitutions: PORT DIR MODULE KEYS REDIS WRITER ROOT.
#
# At the end, unasked: every process ends and leaves nobody behind; no log has
# an alert, a sanitizer's report or a killed worker; and nothing that the
# product wrote holds an address canary-*@ or what canary() has registered.
# allow_log(qr/../) takes one kind of line out.  A fault fails the file.

use strict;
use warnings;

use Exporter qw(import);
use File::Find ();
use File::Path qw(make_path);
use File::Spec;
use FindBin;
use IO::Select;
use IO::Socket::UNIX;
use IPC::Open3 qw(open3);
use MIME::Base64 qw(encode_base64);
use Mojo::UserAgent;
use Test::More ();
use Time::HiRes qw(time);

use Keepers::Process;

our @EXPORT = qw(work_dir start_redis start_writer start_nginx start_platform
    nginx_test keys_dir free_port wait_for ua raw sign_in reload workers stop
    restart pause resume kill_hard alive canary allow_log logs slurp spew
    redis_cli run_writer operator sql conf_change);

(our $root = File::Spec->rel2abs(__FILE__)) =~ s{/t/lib/Keepers/Test\.pm$}{};

my $nginx = $ENV{KEEPERS_NGINX} // '/usr/sbin/nginx';
my $module = $ENV{KEEPERS_MODULE} // "$root/build/ngx_http_keepers_module.so";
my $writer = $ENV{KEEPERS_WRITER} // "$root/build/keepers-writer";
my $main = $$;
my (@canaries, @allowed, $last_redis, $last_writer);
my $files = 0;

# nginx leaks its first cycle on purpose; a sanitized module has no main program
$ENV{ASAN_OPTIONS} //= 'detect_odr_violation=0:detect_leaks=0';
$ENV{UBSAN_OPTIONS} //= "print_stacktrace=1:suppressions=$root/t/ubsan.supp";


# Keys for an nginx without a writer.
sub keys_dir {
    my $dir = work_dir() . '/keys';

    return $dir if -d $dir;
    make_path($dir);
    open(my $random, '<:raw', '/dev/urandom') or die("urandom: $!\n");
    read($random, my $bytes, 64);
    spew("$dir/edge.keys", sprintf("k%s:%s\n", unpack('H8', $bytes),
                                   encode_base64(substr($bytes, 0, 32), '')));
    spew("$dir/writer.pub", encode_base64(substr($bytes, 32), '') . "\n", 0644);
    return $dir;
}


# Options: conf, lines added to redis.conf; file, a whole one.
sub start_redis {
    my (%option) = @_;
    my $dir = work_dir() . '/redis' . ++$files;
    my $socket = $option{socket} // "$dir/redis.sock";
    my $file = $option{file};

    make_path($dir);
    $file //= spew("$dir/redis.conf", "port 0\nunixsocket $socket\ndir $dir\n"
                   . "save \"\"\nenable-debug-command yes\n"
                   . ($option{conf} // ''));
    $last_redis = $socket;

    return start({ name => 'redis', socket => $socket, dir => $dir,
                   log => "$dir/redis.log", auth => $option{auth},
                   command => ['redis-server', $file],
                   ready => sub { IO::Socket::UNIX->new($socket) } });
}


# A command as the administrator; the reply as redis-cli prints it.
sub redis_cli {
    my ($redis, @command) = @_;
    my @auth = $redis->{auth} ? ('--user', 'admin', '-a', $redis->{auth},
                                 '--no-auth-warning') : ();

    open(my $out, '-|', 'redis-cli', '-s', $redis->{socket}, @auth, @command)
        or die("redis-cli: $!\n");
    chomp(my @lines = <$out>);
    return join("\n", @lines);
}


sub start_writer {
    my (%option) = @_;
    my $socket = $option{socket};

    $last_writer = $socket;
    local $ENV{ASAN_OPTIONS} = 'detect_leaks=1';

    return start({ name => 'writer', socket => $socket,
                   log => $option{log} // work_dir() . '/writer.log',
                   command => [$writer, '--config', $option{config}],
                   ready => sub { IO::Socket::UNIX->new($socket) } });
}


# Runs the program alone with a text as its input; its exit status and all it
# said.
sub run_writer {
    my ($input, @arguments) = @_;
    my $pid = open3(my $in, my $out, undef, $writer, @arguments);

    local $SIG{PIPE} = 'IGNORE';
    print $in $input;
    close($in);

    my $text = do { local $/; <$out> } // '';

    waitpid($pid, 0);
    return ($? >> 8, $text);
}


# A command of the platform's operator.
sub operator {
    my ($p, $input, @command) = @_;

    return run_writer($input, '--config', "$p->{dir}/conf/writer.ini",
                      @command);
}


# What the platform's database says; to change it, stop the writer first.
sub sql {
    my ($p, $statement) = @_;

    open(my $out, '-|', 'sqlite3', $p->{database}, $statement)
        or die("sqlite3: $!\n");
    chomp(my @lines = <$out>);
    return join("\n", @lines);
}


sub nginx_conf {
    my ($text, $dir, $port) = @_;
    my %value = (PORT => $port, DIR => $dir, MODULE => $module,
                 KEYS => keys_dir(), REDIS => $last_redis // "$dir/none.sock",
                 WRITER => $last_writer // "$dir/none.sock", ROOT => $root);
    my @temp = map { "${_}_temp_path $dir/$_;" }
                   qw(client_body proxy fastcgi uwsgi scgi);

    make_path($dir);
    $text = "http {\naccess_log $dir/access.log;\n@temp\n$text\n}\n"
        if $text !~ /^http\s*\{/m;
    $text = "events { worker_connections 256; }\n$text"
        if $text !~ /^events\s*\{/m;
    $text = "load_module $module;\n$text" if $text !~ /^load_module/m;
    $text = ($> == 0 ? "user root;\n" : '')
        . "daemon off;\npid $dir/nginx.pid;\n"
        . "error_log $dir/error.log info;\n$text";
    $text =~ s/%%([A-Z]+)%%/$value{$1} \/\/ die("unknown %%$1%%\n")/ge;

    return spew("$dir/nginx.conf", $text);
}


# What "nginx -t" says of a configuration: exit status and words.
sub nginx_test {
    my ($text) = @_;
    my $dir = work_dir() . '/test' . ++$files;
    my $file = nginx_conf($text, $dir, 1);
    my $words = qx('$nginx' -t -p '$dir' -e stderr -c '$file' 2>&1);

    return ($? >> 8, $words);
}


# Two cores with two tests, a browser and password hashes on them may let Redis
# wait for longer than a host would want it to: unless a test says how long.
sub patient {
    my ($text) = @_;

    for my $name (qw(timeout connect_timeout)) {
        next if $text =~ /^\s*keepers_redis_$name\s/m;
        $text =~ s/^(\s*keepers_redis\s[^;]*;)/$1 keepers_redis_$name 1s;/m;
    }

    return $text;
}


# "text" is the inside of http { }, or a file with blocks of its own.
# Options: port; file, a whole configuration to be taken as it is.
sub start_nginx {
    my ($text, %option) = @_;
    my $dir = $option{dir} // work_dir() . '/nginx' . ++$files;
    my $port = $option{port} // free_port();
    my $file = $option{file} // nginx_conf(patient($text), $dir, $port);
    my $error_log = $option{error_log} // "$dir/error.log";

    return start({ name => 'nginx', dir => $dir, port => $port, conf => $file,
                   url => "http://127.0.0.1:$port", log => "$dir/stderr.log",
                   error_log => $error_log,
                   access_log => $option{access_log} // "$dir/access.log",
                   command => [$nginx, '-p', $dir, '-e', $error_log,
                               '-c', $file],
                   ready => sub { workers($_[0]) && listens($port) } });
}


sub start_platform {
    my (%option) = @_;
    my $dir = work_dir() . '/platform' . ++$files;
    my $port = free_port();

    local $ENV{KEEPERS_MODULE} = $module;
    local $ENV{KEEPERS_WRITER} = $writer;
    local $ENV{KEEPERS_LIMITS} = $option{limits} // 'on';

    make_path($dir);
    system("'$root/tools/demo-setup.sh' '$dir' $port >'$dir/setup.log' 2>&1")
        == 0 or die("demo-setup.sh failed:\n" . slurp("$dir/setup.log"));

    my %p = map { /^(\w+)=(.*)/ ? (lc($1), $2) : () }
                split(/\n/, slurp("$dir/setup.env"));

    spew("$dir/conf/keepers.conf",
         patient(slurp("$dir/conf/keepers.conf")), 0644);

    $option{conf}->($p{nginx_conf}) if $option{conf};

    $p{dir} = $dir;
    $p{redis} = start_redis(socket => $p{redis_socket},
                            file => "$dir/conf/redis.conf",
                            auth => $p{redis_admin_password});
    $p{writer} = start_writer(socket => $p{writer_socket},
                              log => $p{writer_log},
                              config => "$dir/conf/writer.ini");
    $p{nginx} = start_nginx(undef, dir => "$dir/nginx", port => $port,
                            file => $p{nginx_conf},
                            error_log => $p{error_log},
                            access_log => $p{access_log});

    for my $url ("$p{url}/readyz", $p{link_url}, $p{link2_url}) {
        my $served = wait_for { (ua()->get($url)->res->code // 0) == 200 };
        $served or die("$url is not served\n");
    }

    return \%p;
}


# Puts "to" in place of what matches, with $1 in it; dies if nothing does.
sub conf_change {
    my ($file, $from, $to) = @_;
    my $text = slurp($file);

    $text =~ s/$from/my $one = $1 \/\/ ''; $to =~ s{\$1}{$one}r/e
        or die("$file has no $from\n");
    spew($file, $text);
}


sub ua {
    my $ua = Mojo::UserAgent->new(max_redirects => 0, connect_timeout => 5,
                                  inactivity_timeout => 20,
                                  request_timeout => 20);
    $ua->proxy->not(['127.0.0.1']);
    return $ua;
}


# One who comes while nginx has no connection to Redis is told to try again.
sub sign_in {
    my ($p, $email, $password) = @_;
    my $ua = ua();
    my $code;

    wait_for {
        $code = $ua->post("$p->{url}/signin" => { Origin => $p->{url} },
            form => { email => $email // $p->{owner_email},
                      password => $password // $p->{owner_password} })
            ->res->code;

        return $code != 503;
    };

    $code == 303 or die("sign-in: $code\n");
    return $ua;
}


# Sends bytes and returns all that comes until the server closes.
sub raw {
    my ($port, $bytes, $timeout_s) = @_;
    my $until = time() + ($timeout_s // 5);
    my $socket = listens($port) or return '';
    my $answer = '';

    local $SIG{PIPE} = 'IGNORE';
    $socket->syswrite($bytes) if length($bytes);

    while ((my $left = $until - time()) > 0) {
        IO::Select->new($socket)->can_read($left) or last;
        $socket->sysread($answer, 65536, length($answer)) or last;
    }

    return $answer;
}


sub canary { push(@canaries, map { quotemeta } @_); return $_[0] }

sub allow_log { push(@allowed, @_); return }


# Everything that was written, but for what is configuration, and for mails,
# which are to a person.
sub written {
    my @found;

    File::Find::find({ no_chdir => 1, wanted => sub {
        push(@found, $_) if -f $_ && !m{/(keys|conf)/|\.(conf|env|ini|eml|eml\.new)$};
    } }, work_dir());

    return @found;
}


# The lines of all logs that match.
sub logs {
    my ($pattern) = @_;

    return grep { /$pattern/ } map { split(/^/, slurp($_)) }
                grep { /\.log$/ } written();
}


sub faults {
    my $bad = qr/\[(?:alert|emerg)\]|\[crit\](?!.*connect\(\)\ to\ unix)|exited on signal|
                 exited with fatal code|Sanitizer|runtime\ error:|
                 KEEPERS_NEVER|Assertion/x;
    my $canary = join('|', 'canary-[^\s@]*@', @canaries);
    my @faults = map { @{$_->{faults} // []} } @Keepers::Process::started;

    for my $line (logs($bad)) {
        push(@faults, "in a log: $line")
            unless grep { $line =~ $_ } @allowed;
    }

    for my $file (written()) {
        push(@faults, "$1 is in $file") if slurp($file) =~ /($canary)/i;
    }

    return @faults;
}


END {
    if ($$ == $main && Keepers::Process::used()) {
        my $status = $?;

        stop($_, $_->{name} eq 'nginx' ? 'QUIT' : 'TERM')
            for reverse @Keepers::Process::started;

        my @faults = faults();

        Test::More::diag($_) for @faults;
        $? = $status || (@faults ? 1 : 0);
    }
}


1;
