#!/usr/bin/env bash
# What `docker build` and `docker run` do with deploy/Dockerfile, where there is no Docker: the binary is built from what the
# image's build would be given and nothing else, must need no library but those of the run image, and is run as its user, in
# a root without anything else, read-only. Debian, as root; builds OpenSSL, librdkafka and the release once: ten minutes.
# usage: tests/image.sh [DIRECTORY for what is built]
set -euo pipefail
cd "$(dirname "$0")/.."
built=$(realpath -m "${1:-target/image}")
work=$(mktemp -d)
chroot=$(command -v chroot)
processes=()
end() {
  local process
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  wait
  ! mountpoint -q "$work/root" || umount "$work/root"
  rm -rf "$work"
}
trap end EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
say() { echo "image: $*"; }
fail() { say "$*"; exit 1; }
((EUID == 0)) || fail "run as root: a chroot is needed"

# As the Dockerfile says: what the dockerignore lets in, and the build instruction of the sources.
rm -rf "$built/context"
mkdir -p "$built/context"
sed -n 's/^!//p' deploy/Dockerfile.dockerignore | xargs -I{} cp --parents -pr {} "$built/context"
build=$(grep -o 'cargo build .*--features vendored' deploy/Dockerfile | tail -1)
version=$(sed -n 's/^FROM rust:\([0-9.]*\)-.*/\1/p' deploy/Dockerfile)
say "$build (Rust $version)"
(cd "$built/context" && RUSTUP_TOOLCHAIN=$version CARGO_TARGET_DIR=$built $build)
# What is installed here, but not there.
[[ -z $(find "$built/release/build" -name CMakeCache.txt) ]] || fail "cmake was used: the image's build has none"
binary=$built/release/tributary
ls -l "$binary" | awk '{ print "image: the binary has " int($5 / 1048576) " MiB" }'

# glibc's and libgcc's: what distroless/cc has. The first is no file, the last one is the loader.
needed=$(ldd "$binary" | awk '{ print $1 }' | sort | tr '\n' ' ')
say "it needs $needed"
for library in $needed; do
  case $library in
    linux-vdso.so.1 | libc.so.6 | libm.so.6 | libgcc_s.so.1 | libpthread.so.0 | libdl.so.2 | /lib64/ld-linux-*) ;;
    *) fail "$library is not in the run image" ;;
  esac
done

# The run image: these packages, a certificate authority of ours among the others, a user. No shell.
root=$work/root
mkdir -p "$root"/{etc/tributary,etc/ssl/certs,usr/bin,usr/share,proc,dev,tmp}
for package in libc6 libgcc-s1; do
  dpkg -L "$package" | grep -E '\.so[.0-9]*$' | while read -r file; do
    mkdir -p "$root/$(dirname "$file")"
    cp -L "$file" "$root/$file"
  done
done
mkdir -p "$root/lib64"
cp -L /lib64/ld-linux-* "$root/lib64/" 2>/dev/null || true
[[ ! -d /usr/share/zoneinfo ]] || cp -r /usr/share/zoneinfo "$root/usr/share/"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -keyout "$work/key.pem" -out "$work/ca.pem" 2>/dev/null
cat /etc/ssl/certs/ca-certificates.crt >"$work/without.crt" 2>/dev/null || true
cat "$work/without.crt" "$work/ca.pem" >"$root/etc/ssl/certs/ca-certificates.crt"
echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$root/etc/passwd"
echo '127.0.0.1 localhost' >"$root/etc/hosts"
cp "$binary" "$root/usr/bin/tributary"
cp deploy/demo.toml "$root/etc/tributary/tributary.toml"
chmod -R go+rX "$root"
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
# In a subshell that becomes it, so that its process is known.
inside() { (exec env -i "${variables[@]}" "$chroot" --userspec=65532:65532 "$root" /usr/bin/tributary "$@"); }

variables=(TZ=UTC)
inside --version
(inside --version >"$root/tmp/x") 2>/dev/null && fail "the root can be written to"
variables=(TRIBUTARY_CONFIG=/etc/tributary/tributary.toml)
inside check | head -1
# A time zone other than UTC is read from the image, or is part of the binary.
variables=(TRIBUTARY_TIME__ZONE=America/Sao_Paulo)
inside check >/dev/null || fail "no time zones"

variables=(TRIBUTARY_LOG=info)
http=127.0.0.1:$(free_port)
(exec env -i "${variables[@]}" "$chroot" --userspec=65532:65532 "$root" /usr/bin/tributary demo \
  --listen "$http" >"$work/demo.log" 2>&1) &
processes+=($!)
for _ in $(seq 100); do
  curl -sf http://$http/readyz >/dev/null && break
  sleep 0.1
done
curl -sf http://$http/healthz || fail "the demo does not answer: $(cat "$work/demo.log")"
curl -sf http://$http/metrics | grep -c '^tributary_' | sed 's/^/image: demo runs, series: /'
[[ $(ps -o uid= -p "${processes[0]}" | tr -d ' ') == 65532 ]] || fail "it does not run as 65532"

# TLS to brokers by the image's certificate authorities: what answers is no Kafka, but the handshake says enough.
tls=$(free_port)
openssl s_server -accept "127.0.0.1:$tls" -cert "$work/ca.pem" -key "$work/key.pem" -rev >/dev/null 2>&1 &
processes+=($!)
until openssl s_client -connect "127.0.0.1:$tls" </dev/null >/dev/null 2>&1; do
  kill -0 "${processes[1]}" || fail "openssl s_server has ended"
  sleep 0.1
done
variables=(
  TRIBUTARY_KAFKA__BROKERS=localhost:$tls TRIBUTARY_KAFKA__PROPERTIES__SECURITY_PROTOCOL=ssl TRIBUTARY_LOG=debug
)
look() { inside check --connect >"$work/look" 2>&1 || true; }
look
! grep -q 'certificate verify failed' "$work/look" || fail "TLS: $(tail -n 3 "$work/look")"
variables+=(TRIBUTARY_KAFKA__PROPERTIES__SSL_CA_LOCATION=/etc/ssl/certs/none.crt)
mount -o remount,bind,rw "$root"
cp "$work/without.crt" "$root/etc/ssl/certs/none.crt"
mount -o remount,bind,ro "$root"
look
grep -q 'certificate verify failed' "$work/look" || fail "any certificate is taken: $(tail -n 3 "$work/look")"
say "TLS goes by /etc/ssl/certs/ca-certificates.crt"
say "all good"
