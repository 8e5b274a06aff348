#!/bin/sh
# Makes the compressed files that LineReaderTests reads. Run it in this folder; needs gzip, zstd and Python.
set -eu
python3 - <<'PY'
# 2,000 numbered lines with hard ones among them: no text, \r\n, another script, one longer than small buffers.
lines = [f'{{"row": {n}, "text": "{"abc " * (n % 37)}"}}\n' for n in range(2000)]
lines[10] = "\n"
lines[11] = "ends like Windows\r\n"
lines[12] = "Größe 大きさ 😀\n"
lines[13] = "x" * 5000 + "\n"
lines[-1] = "no newline after this"
open("lines.txt", "wb").write("".join(lines).encode())
PY
gzip -9 -n -c lines.txt > lines.gz
head -c 30000 lines.txt | gzip -n -c > members.gz
tail -c +30001 lines.txt | gzip -n -c >> members.gz
zstd -q -f -19 lines.txt -o lines.zst
head -c 30000 lines.txt | zstd -q -c --no-check > frames.zst
printf '\120\052\115\030\003\000\000\000abc' >> frames.zst # a frame to be skipped
tail -c +30001 lines.txt | zstd -q -c >> frames.zst
rm lines.txt
