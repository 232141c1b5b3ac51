package Keepers::Writer;

# Copyright (C) Keepers

# A writer without nginx: keys, a configuration, and what an edge would send.
#
#     my $writer = Keepers::Writer->new('argon2.queue' => 1);
#     my ($status, $text) = $writer->command("password\n", qw(account add ..));
#     $writer->start;
#     $writer->post('/v1/signups', $writer->seal(signup => slug => 's', ...));
#     $writer->api({ user => .., business => .., role => 'owner' },
#                  GET => '/api/v1/customers');

use strict;
use warnings;

use FindBin;
use IPC::Open2 qw(open2);
use Keepers::Test;
use Mojo::JSON qw(decode_json);

my $root = $Keepers::Test::root;
my %tools;
my $dirs = 0;


sub new {
    my ($class, %ini) = @_;
    my $dir = work_dir() . '/writer' . ++$dirs;
    my $self = bless({ dir => $dir, keys => "$dir/keys", ua => ua(),
                       socket => "$dir/w.sock", config => "$dir/writer.ini",
                       database => "$dir/data/k.db" }, $class);

    mkdir($dir);
    mkdir("$dir/data");
    keygen($self->{keys});

    %ini = ('writer.socket' => $self->{socket},
            'writer.keys' => "$self->{keys}/shared.keys",
            'writer.key' => "$self->{keys}/writer.key",
            'writer.master' => "$self->{keys}/master.key",
            'store.database' => $self->{database},
            'argon2.memory_kib' => 8192, 'argon2.passes' => 1, %ini);

    spew($self->{config}, join('', map {
        my ($section, $key) = split(/\./, $_, 2);
        "[$section]\n$key=$ini{$_}\n";
    } sort keys %ini));
    $self->{ua}->max_connections(64);
    return $self;
}


sub keygen { return run_writer('', 'keygen', $_[0]) }


sub command {
    my ($self, $input, @command) = @_;

    return run_writer($input, '--config', $self->{config}, @command);
}


sub start {
    my ($self) = @_;

    return $self->{process} = start_writer(socket => $self->{socket},
        config => $self->{config}, log => "$self->{dir}/writer.log");
}


# The database of a stopped writer as an earlier step of the schema had it; what
# a step has moved is the caller's.
my %undo = (
    11 => 'DROP VIEW consents_given; DROP TRIGGER customers_immutable; '
          . join(' ', map { "ALTER TABLE customers DROP COLUMN $_;" }
                      qw(consent_email consent_sms locale method net)),
    10 => 'ALTER TABLE customers DROP COLUMN signup;',
    9 => 'ALTER TABLE consents DROP COLUMN net;',
);

sub as_of {
    my ($self, $step) = @_;
    my $now = sql($self, 'PRAGMA user_version');

    sql($self, join(' ', map { $undo{$_} } reverse($step + 1 .. $now))
               . " PRAGMA user_version=$step");
}


# A program of t/tools that needs core/ alone.
sub compiled {
    my ($name) = @_;
    my $to = work_dir() . "/$name";

    return $to if $tools{$name}++;

    system('cc', '-std=gnu11', '-O1', '-Wall', '-Wextra', '-Werror',
           '-D_GNU_SOURCE', "-I$root/ngx_keepers_module", '-o', $to,
           "$root/t/tools/$name.c",
           glob("$root/ngx_keepers_module/core/*.c"),
           qw(-lsodium -lyajl -lunistring -lidn2)) == 0
        or die("$name.c does not compile\n");
    return $to;
}


# The writer of a whole platform, as its edge sees it.
sub of_platform {
    my ($class, $p) = @_;

    return bless({ ua => ua()->max_connections(64), keys => "$p->{dir}/keys",
                   socket => $p->{writer_socket} }, $class);
}


# A sealed record, with "identity" the value of Keepers-Identity, with "ticket"
# the token of a form.  A value that is a reference is one to bytes.
sub seal {
    my ($self, $kind, %field) = @_;
    my $keys = delete($field{keys}) // $self->{keys};

    open(my $out, '-|:raw', compiled('envelope'), $keys, $kind, map {
        ref($field{$_}) ? "$_:" . unpack('H*', ${$field{$_}})
                        : "$_=$field{$_}"
    } sort keys %field) or die("envelope: $!\n");

    my $bytes = do { local $/; <$out> } // '';

    close($out) or die("envelope failed\n");
    return $bytes;
}


sub url { return 'http+unix://' . ($_[0]{socket} =~ s{/}{%2F}gr) . $_[1] }


sub post_p {
    my ($self, $path, $bytes) = @_;

    return $self->{ua}->post_p($self->url($path)
        => { 'Content-Type' => 'application/octet-stream' } => $bytes);
}


sub post {
    my ($self, $path, $bytes) = @_;

    return $self->{ua}->post($self->url($path)
        => { 'Content-Type' => 'application/octet-stream' } => $bytes)->res;
}


sub get { return $_[0]{ua}->get($_[0]->url($_[1]))->res }


sub signup {
    my ($self, %field) = @_;

    return $self->post('/v1/signups', $self->seal(signup => %field));
}


sub api {
    my ($self, $who, $method, $path, @body) = @_;
    my $identity = ref($who) ? $self->seal(identity => %$who) : $who;

    return $self->{ua}->start($self->{ua}->build_tx(
        $method => $self->url("/api/v1/$path")
        => { 'Keepers-Identity' => $identity } => @body))->res;
}


sub items {
    my ($self, $who, $path) = @_;

    return decode_json($self->api($who, GET => $path)->body)->{items};
}


# While the committer waits for somebody else's transaction.
sub held_up {
    my ($self, $do) = @_;
    my $pid = open2(my $out, my $in, 'sqlite3', $self->{database});

    $in->autoflush(1);
    print $in "BEGIN IMMEDIATE;\nSELECT 1;\n";
    <$out>;
    $do->();
    close($in);
    waitpid($pid, 0);
    return;
}


# Ids of a new account; dies unless it was made.
sub account {
    my ($self, %option) = @_;
    my $password = (delete($option{password}) // 'canary-long-password') . "\n";
    my ($status, $text) = $self->command($password, qw(account add),
        map { ("--$_" => $option{$_}) } sort keys %option);

    $status == 0 or die("account add: $text");

    return { map { $_ => $text =~ /^$_=(\S+)/m } qw(business user) };
}


1;
