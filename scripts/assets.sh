#!/bin/sh
# Fetch the browser libraries that the HTML pages load, so that a server without the internet can show them.
# Versions and checksums: server/onemap/web/assets. The fonts of maps are made by fonts.sh.
set -eu

assets=server/onemap/web/assets
vendor=server/onemap/web/static/vendor
modules=build/assets/node_modules

if [ "$(npm --version 2>/dev/null | cut -d. -f1)" -ge 7 ] 2>/dev/null; then
    :
else
    echo "No npm 7 or newer: installing it into .venv"
    .venv/bin/python -m pip --quiet --disable-pip-version-check --no-input \
        install --require-hashes --requirement requirements/node.lock
    PATH="$PWD/.venv/bin:$PATH"
fi

copy() { # copy PACKAGE FOLDER FILE...
    from=$modules/$1 to=$vendor/$2
    shift 2
    mkdir -p "$to"
    for file in "$@"; do
        cp "$from/$file" "$to/"
    done
}

export NODE_USE_SYSTEM_CA=1 # a network may have a certificate authority of its own
echo "Fetching browser libraries ($assets/package.json)"
mkdir -p build/assets
cp "$assets/package.json" "$assets/package-lock.json" build/assets/
(cd build/assets && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null)

rm -rf "$vendor"
copy maplibre-gl maplibre-gl dist/maplibre-gl.js dist/maplibre-gl.css LICENSE.txt
copy ol ol dist/ol.js ol.css LICENSE.md
for part in earcut geotiff pako pbf quickselect rbush zarrita zstddec; do # they are inside ol.js
    cp "$modules/$part/LICENSE" "$vendor/ol/LICENSE.$part"
done
copy ol-mapbox-style ol dist/olms.js
cp "$modules/ol-mapbox-style/LICENSE" "$vendor/ol/LICENSE.ol-mapbox-style"
copy pmtiles pmtiles dist/pmtiles.js package.json # BSD-3-Clause; the package has no other notice
cp "$modules/fflate/LICENSE" "$vendor/pmtiles/LICENSE.fflate" # it is inside pmtiles.js
copy swagger-ui-dist swagger-ui swagger-ui-bundle.js swagger-ui.css swagger-ui-bundle.js.LICENSE.txt LICENSE NOTICE
for weight in 400Regular 700Bold; do # the typefaces of reports; maps have glyphs made of the same font
    copy @expo-google-fonts/noto-sans-sc typefaces "$weight/NotoSansSC_$weight.ttf" LICENSE_FONT # SIL OFL 1.1
done
touch "$vendor/.complete"
