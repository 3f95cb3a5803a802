#!/usr/bin/env bash
# Installs what the tests need and is not there yet: Debian packages (apt, as root or through sudo), then into .tools/
# the jars of a real Kafka (Maven), the schema registry of the tests and what reads manifests (Go), linters and what reads
# schemas, dashboards, documents and pages (Python, npm). A second run takes no time.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$PWD/.tools
# The Go to build the registry with, where the installed one is older than go.mod asks.
go_version=1.24.13

say() { echo "setup: $*" >&2; }
fail() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# What a finished step was made from; the step runs again when it changes.
stamp() { cat "$@" | sha256sum | cut -d' ' -f1; }
done_with() { [[ -f $1/.stamp && $(<"$1/.stamp") == "$2" ]]; }

install_packages() {
  local missing=() package
  if ! has dpkg-query; then
    for package in cc make pkg-config kcat prometheus promtool psql chromium chromedriver java mvn go python3 npm groff jq \
      mlr; do
      has "$package" || missing+=("$package")
    done
    ((${#missing[@]} == 0)) || fail "this is no Debian: install these commands by hand: ${missing[*]}"
    return
  fi
  for package in build-essential pkg-config libssl-dev zlib1g-dev kcat prometheus postgresql chromium chromium-driver jq \
    miller groff-base; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  # These may come from elsewhere than Debian: what counts is the command.
  has java || missing+=(default-jre-headless)
  has mvn || missing+=(maven)
  has go || missing+=(golang-go)
  has npm || missing+=(npm)
  has systemd-analyze || missing+=(systemd)
  python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
  if ((${#missing[@]} == 0)); then return; fi

  local as_root=()
  if ((EUID != 0)); then
    has sudo || fail "run as root: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
  "${apt[@]}" update >&2 || say "apt-get update failed; going on with the package lists there are"
  "${apt[@]}" install --no-install-recommends "${missing[@]}" >&2 </dev/null
  # Debian starts what it installs; the tests start their own Prometheus and PostgreSQL.
  local service
  for service in prometheus postgresql; do
    if [[ " ${missing[*]} " == *" $service "* && -d /run/systemd/system ]]; then
      "${as_root[@]}" systemctl disable --now "$service" >&2
    fi
  done
}

install_kafka() {
  local made_from
  made_from=$(stamp tests/kafka/pom.xml)
  if done_with "$tools/kafka" "$made_from"; then return; fi
  say "fetching the jars of Apache Kafka"
  rm -rf "$tools/kafka"
  mvn -q -B --strict-checksums -f tests/kafka/pom.xml dependency:copy-dependencies \
    -DoutputDirectory="$tools/kafka" </dev/null >&2
  echo "$made_from" >"$tools/kafka/.stamp"
}

# An installed Go that is too old (Debian 12 has 1.19) fetches a newer one: toolchains are modules, and come verified.
go_command() {
  local minor directory
  minor=$(go env GOVERSION | sed -E 's/^go1\.([0-9]+).*/\1/')
  if ((minor >= 24)); then
    command -v go
    return
  fi
  mkdir -p "$tools/go"
  directory=$(cd "$tools/go" && go mod download -json \
    "golang.org/toolchain@v0.0.1-go$go_version.linux-$(go env GOARCH)" | sed -nE 's/.*"Dir": "(.*)",/\1/p')
  # Modules are stored without the executable bit.
  chmod +x "$directory"/bin/* "$directory"/pkg/tool/*/*
  echo "$directory/bin/go"
}

install_registry() {
  local made_from go
  made_from=$(stamp tests/registry/*)
  if done_with "$tools/registry" "$made_from"; then return; fi
  say "building the schema registry of the tests"
  go=$(go_command)
  rm -rf "$tools/registry"
  mkdir -p "$tools/registry"
  (cd tests/registry && env -u GOROOT CGO_ENABLED=0 GOFLAGS=-mod=readonly "$go" build -o "$tools/registry/registry" .)
  echo "$made_from" >"$tools/registry/.stamp"
}

# Helm's and Compose's own packages, which read a chart and a compose file as Helm and Docker do.
install_manifests() {
  local made_from go
  made_from=$(stamp tests/manifests/*)
  if done_with "$tools/manifests" "$made_from"; then return; fi
  say "building what reads charts and compose files (a minute)"
  go=$(go_command)
  rm -rf "$tools/manifests"
  mkdir -p "$tools/manifests"
  (
    cd tests/manifests
    build() { env -u GOROOT CGO_ENABLED=0 GOFLAGS=-mod=readonly "$go" build -trimpath -ldflags '-s -w' "$@"; }
    build -o "$tools/manifests/chart" .
    build -o "$tools/manifests/compose" github.com/compose-spec/compose-go/v2/cmd
  )
  echo "$made_from" >"$tools/manifests/.stamp"
}

# Linters, in an environment of their own.
install_python() {
  local made_from
  made_from=$(stamp tests/setup/requirements.txt)
  if done_with "$tools/python" "$made_from"; then return; fi
  say "installing the Python tools"
  rm -rf "$tools/python"
  python3 -m venv "$tools/python"
  "$tools/python/bin/pip" install --quiet --disable-pip-version-check -r tests/setup/requirements.txt >&2
  echo "$made_from" >"$tools/python/.stamp"
}

install_node() {
  local made_from
  made_from=$(stamp tests/setup/package*.json)
  if done_with "$tools/node" "$made_from"; then return; fi
  say "fetching the parser of AsyncAPI documents and the accessibility checks"
  rm -rf "$tools/node"
  mkdir -p "$tools/node"
  cp tests/setup/package*.json "$tools/node"
  (cd "$tools/node" && npm ci --ignore-scripts --no-audit --no-fund </dev/null >&2)
  echo "$made_from" >"$tools/node/.stamp"
}

has cargo || fail "Rust is missing: see https://rustup.rs"
install_packages
mkdir -p "$tools"
install_kafka
install_registry
install_python
install_node
install_manifests
