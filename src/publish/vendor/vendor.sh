#!/usr/bin/env bash
# Bundles what the page uses of other people's work into src/publish/page/vendor/, from the versions that package-lock.json
# names, with their licences. The bundle is committed: neither the build nor the tests run this.
set -euo pipefail
cd "$(dirname "$0")"
into=../page/vendor
parts=(d3-array d3-path d3-sankey d3-shape htm internmap preact uplot)

npm ci --ignore-scripts
# Without its install script esbuild is run by its own launcher.
node_modules/.bin/esbuild vendor.js --bundle --format=esm --minify --charset=utf8 --legal-comments=none \
  --outfile="$into/vendor.js" --log-level=warning
cp node_modules/uplot/dist/uPlot.min.css "$into/uplot.css"
{
  echo "vendor.js and uplot.css are made of these packages, under these licences."
  for part in "${parts[@]}"; do
    version=$(node -p "require('./node_modules/$part/package.json').version")
    license=$(node -p "require('./node_modules/$part/package.json').license")
    printf '\n%s\n%s %s (%s)\n\n' "$(printf '=%.0s' {1..100})" "$part" "$version" "$license"
    find "node_modules/$part" -maxdepth 1 -iname 'licen[sc]e*' -exec cat {} +
  done
} >"$into/LICENSES.txt"
