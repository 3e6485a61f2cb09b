#!/bin/sh
# Make the fonts of maps, for clients that ask for glyphs: from a font among the packages that assets.sh has fetched, of
# which only opentype.js is executed, which reads it. Takes a minute; made once for a version of the font.
set -eu

vendor=server/onemap/web/static/vendor
modules=build/assets/node_modules
font=@expo-google-fonts/noto-sans-sc
name="Noto Sans SC Regular"
PATH="$PATH:$PWD/.venv/bin" # where assets.sh puts node on a machine without it

[ -d "$modules/$font" ] || scripts/assets.sh
mkdir -p build/assets/fonts "$vendor/fonts"
stamp=build/assets/fonts/$(cat scripts/glyphs.mjs "$modules/$font/package.json" | cksum | tr ' ' -)
if [ ! -e "$stamp" ]; then
    echo "Making the fonts of maps (a minute)"
    rm -rf build/assets/fonts/*
    node scripts/glyphs.mjs "$modules" "$modules/$font/400Regular/NotoSansSC_400Regular.ttf" build/assets/fonts "$name"
    touch "$stamp"
fi
cp "$modules/$font/LICENSE_FONT" "$vendor/fonts/" # SIL Open Font License 1.1
cp -R "build/assets/fonts/$name" "$vendor/fonts/"
touch "$vendor/fonts/.complete"
