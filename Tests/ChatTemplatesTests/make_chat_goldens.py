"""Goldens for chat templates, made with transformers and TRL: small templates of our own, one language feature each.

python make_chat_goldens.py, with transformers >= 5 and trl >= 1 installed; writes Fixtures/chat-*.jsonl beside itself.
"""
import gzip
import hashlib
import json
import os
import pathlib
import warnings

warnings.filterwarnings("ignore")
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from transformers.utils.chat_template_utils import render_jinja_template
from trl.data_utils import apply_chat_template, maybe_extract_prompt

FIXTURES = pathlib.Path(__file__).parent / "Fixtures"
SPECIALS = {"bos_token": "<s>", "eos_token": "</s>"}
TOKENIZER = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), **SPECIALS)

# Variables that the snippets use.
VARIABLES = {
    "n": 7, "f": 2.5, "yes": True, "nothing": None, "s": "Hello World", "u": "naïve café 東京 🙂 ß Σ", "empty": "",
    "l": [3, 1, 2], "words": ["pear", "Apple", "fig", "apple"], "d": {"b": 1, "a": [1, {"c": None}], "items": "own"},
    "users": [{"name": "Bo", "age": 30, "on": True}, {"name": "al", "age": 25, "on": False}, {"name": "Cy", "age": 30}],
    "html": "<a href='x'>&\"</a>", "ml": "one\n  two\n\nthree", "q": "it's \"so\"\\ \t\x07\u200b",
}

# (feature, snippets); a snippet that transformers refuses is expected to fail here too.
FEATURES = {
    "statements": [
        "{% if n > 5 %}a{% elif n %}b{% else %}c{% endif %}", "{% if n > 50 %}a{% elif n %}b{% else %}c{% endif %}",
        "{% if nothing %}a{% endif %}|", "{% for x in l %}{{ x }},{% endfor %}",
        "{% for x in [] %}x{% else %}none{% endfor %}", "{% for x in l %}x{% else %}none{% endfor %}",
        "{% for a, b in d.items() %}{{ a }}={{ b }};{% endfor %}", "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
        "{% for x in l if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}",
        "{% for x in words %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.previtem }}<{{ loop.nextitem }}>{{ loop.cycle('o', 'e') }}{{ loop.depth }};{% endfor %}",
        "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}", "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
        "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% break %}",
        "{% for x in l %}{% for y in l %}{% if y == 1 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{% endfor %}",
        "{% for x in range(3) recursive %}{{ x }}{% if x %}({{ loop([0]) }}){% endif %}{% endfor %}",
        "{% for x in 'añ🙂' %}[{{ x }}]{% endfor %}", "{% for x in nope %}x{% else %}no{% endfor %}", "{% for x in 5 %}x{% endfor %}",
        "{% for k in d %}{{ k }}{% endfor %}", "{% for a, b in [[1, 2, 3]] %}{{ a }}{% endfor %}", "{% for loop in l %}x{% endfor %}",
        "{% set x = 1 %}{{ x }}", "{% set x, y = 1, 2 %}{{ x }}{{ y }}", "{% set x %}a{{ n }}{% endset %}[{{ x }}]",
        "{% set x | upper | replace('A', '-') %}ab{% endset %}{{ x }}", "{% set ns = namespace(a=1) %}{% for x in l %}{% set ns.a = ns.a + x %}{% endfor %}{{ ns.a }}",
        "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns['b'] }}{{ ns.c }}|{{ ns }}", "{% set ns = namespace(_a=1) %}", "{% set ns = namespace() %}{% set ns._a = 1 %}",
        "{% set d.x = 1 %}", "{% set true = 1 %}", "{% set x = 1 %}{% for i in l %}{% set x = x + i %}{% endfor %}{{ x }}",
        "{% if yes %}{% set x = 'in' %}{% endif %}{{ x }}", "{% for i in l %}{{ n }}{% endfor %}{% set n = 1 %}", "{% for i in l %}{{ s }}{% endfor %}{% if yes %}{% set s = 1 %}{% endif %}",
        "{{ n }}{% for i in l %}{{ n }}{% endfor %}{% set n = 1 %}{{ n }}", "{% macro m() %}{{ n }}{% endmacro %}{{ m() }}{% set n = 1 %}{{ m() }}",
        "{% with a = 1, b = n %}{{ a }}{{ b }}{% set a = 5 %}{{ a }}{% endwith %}{{ a }}", "{% filter upper | trim %} a{{ s }} {% endfilter %}",
        "{% print n, s %}", "{% generation %}a{% set z = 1 %}{{ z }}{% endgeneration %}{{ z }}", "{% do x %}", "{% include 'x' %}", "{% nope %}", "{% if %}{% endif %}", "{% if n %}", "{% endif %}",
    ],
    "macros": [
        "{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=3) }} {{ m(b=4, a=5) }}",
        "{% macro m(a) %}{{ a }}|{{ varargs }}|{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, k='v') }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(z=2) }}", "{% macro m(a) %}[{{ a }}]{{ a is defined }}{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a + 1 }}{% endmacro %}{{ m() }}",
        "{% macro f(n) %}{% if n > 1 %}{{ n }}{{ f(n - 1) }}{% else %}.{% endif %}{% endmacro %}{{ f(5) }}", "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}in{% endcall %}", "{% macro m() %}<{{ caller(1, b=2) }}>{% endmacro %}{% call(a, b) m() %}{{ a }}{{ b }}{% endcall %}",
        "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% macro m(x) %}{% set y = x %}{{ y }}{% endmacro %}{{ m(1) }}{{ y }}", "{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}",
        "{% macro m(a, b) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m }}", "{% macro m(*a) %}{% endmacro %}", "{% macro m(a=1, b) %}{% endmacro %}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(*[1]) }}{{ m(**{'a': 2}) }}",
        "{% if yes %}{% macro m() %}hi{% endmacro %}{% endif %}{{ m() }}", "{{ m() }}{% macro m() %}{% endmacro %}", "{% for x in l %}{% macro m() %}{{ x }}{{ loop.index }}{% endmacro %}{{ m() }}{% endfor %}",
    ],
    "whitespace": [
        "a  {%- if yes -%}  b  {%- endif -%}  c", "a\n  {% if yes %}\n  b\n  {% endif %}\nc\n", "a\n  {%+ if yes %}\n b{% endif +%}\nc", "a \n {{- n -}} \n b", "  {{ n }}  \n",
        "a\n  {# note #}\n  b {#- note -#} \n c", "{% raw %}{{ n }}{% if %}{% endraw %}!", "a {%- raw -%} {{ x }} {%- endraw -%} b", "a\r\nb\rc\n\n", "{{ '\\n' }}{% if yes %}\n\n{% endif %}x", "{{ n }}\n{{ n }}\n",
        "x{% set a = 1 %}\ny", "x {% set a = 1 -%}\n\n  y", "\t{% set a = 1 %}\n{{ a }}", "a{# {{ #}b", "{#", "{% raw %}", "{{", "{% if", "{{ n }", "{{ '}}' }}{{ \"%}\" }}", "  {%- for x in l %}\n  {{ x }}\n  {%- endfor %}\n", "{{ {'a': {'b': 1}}['a']['b'] }}", "{% raw -%} a {%- endraw %}\nb",
    ],
    "expressions": [
        "{{ 1 + 2 * 3 - 4 / 2 }}", "{{ 2 ** 3 ** 2 }}", "{{ -2 ** 2 }}", "{{ 7 // 2 }}{{ -7 // 2 }}{{ 7 % -3 }}{{ -7 % 3 }}", "{{ 7.5 // 2 }} {{ -7.5 % 2 }}", "{{ 1 / 0 }}", "{{ 1 % 0 }}", "{{ 10 / 4 }} {{ 4 / 2 }}",
        "{{ 1 ~ 2 ~ 'a' ~ nothing ~ nope }}", "{{ 'a' + 'b' * 3 }}", "{{ 'a' 'b' \"c\" }}", "{{ [1] + [2] }} {{ (1,) + (2,) }} {{ [0] * 3 }}", "{{ 'a' + 1 }}", "{{ 1 + true }}", "{{ n > 5 and s or 0 }}", "{{ not n }}", "{{ empty or 'x' }}{{ 0 and 1 }}",
        "{{ 1 < 2 < 3 }}{{ 3 > 2 > 2 }}{{ 1 == 1.0 }}{{ 1 != '1' }}", "{{ 'b' > 'a' }}{{ [1, 2] < [1, 3] }}{{ 'a' < 1 }}", "{{ 1 in l }}{{ 9 not in l }}{{ 'ell' in s }}{{ 'b' in d }}{{ not 1 in l }}", "{{ 1 in 'a' }}", "{{ 1 in nope }}", "{{ nope in l }}", "{{ 1 in 5 }}",
        "{{ 'y' if yes else 'n' }}{{ 'y' if nothing }}|{{ 1 if 0 else 2 if 0 else 3 }}", "{{ l[0] }}{{ l[-1] }}{{ l[9] }}{{ s[0] }}{{ u[3] }}{{ u[-5] }}", "{{ l[1:] }}{{ l[:-1] }}{{ l[::-1] }}{{ s[1:4] }}{{ s[::-2] }}{{ u[6:10] }}{{ u[-3:] }}{{ s[5:2] }}{{ l[-9:9] }}",
        "{{ l[none:1] }}{{ l['a':] }}", "{{ l[::0] }}", "{{ d[1:] }}", "{{ nothing[1:] }}", "{{ nope[1:] }}", "{{ d.b }}{{ d['a'][1].c }}{{ d.a.1 }}{{ d['zz'] }}", "{{ d['items'] }}{{ d.items() | list | length }}", "{{ nope }}", "{{ nope.x }}", "{{ nope['x'] }}", "{{ d.zz.x }}", "{{ nothing.x }}|{{ n.x }}|{{ n['x'] }}|{{ l.x }}|", "{{ nope + 1 }}", "{{ 1 + nope }}", "{{ nope == nope2 }}{{ nope == none }}", "{{ nope < 1 }}", "{{ nope() }}", "{{ n() }}", "{{ -nope }}", "{{ -s }}", "{{ +n }}{{ - 3 }}{{ --3 }}",
        "{{ [1, 'a', None, True, 2.0, [], {}, (), (1,)] }}", "{{ {'a': 1, 2: 'b', None: [1]} }}", "{{ {'a': 1, 'a': 2}['a'] }}", "{{ {[]: 1} }}", "{{ (1, 2)[1] }}{{ () }}{{ (1) }}{{ 1, 2 }}", "{{ 0x1f }}{{ 0b11 }}{{ 0o17 }}{{ 1_000 }}{{ 1e3 }}{{ 1.5e-7 }}{{ 2E5 }}", "{{ 1.0 }}{{ 1e16 }}{{ 123456789012345680.0 }}{{ 0.1 + 0.2 }}{{ 1e-5 }}{{ 0.0001 }}{{ 1e22 }}{{ -0.0 }}{{ 5e-324 }}", "{{ '\\x41\\u00e9\\U0001F642\\n\\t\\'\\\"\\\\\\q\\101' }}", "{{ 'a\\\nb' }}", "{{ '\\é' }}", "{{ '\\x4' }}", "{{ true }}{{ True }}{{ none }}{{ None }}{{ false }}", "{{ s.upper().lower().strip('hd') }}", "{{ 'a' is string and 1 }}", "{{ 'x' | upper ~ 'y' | upper }}", "{{ -1 | abs }}", "{{ 1 if nope is defined and nope.x else 2 }}", "{{ 2 * 'ab' }}{{ -1 * 'ab' }}", "{{ n.real }}{{ (2.0).is_integer() }}", "{{ 'a'.b.c }}", "{{ 3 $ 4 }}", "{{ (1 }}", "{{ 1) }}", "{{ [1, 2 }}", "{{ a b }}", "{{ }}", "{{ 1 + }}", "{{ 'a }}", "{{ 1.2.3 }}", "{{ l.0 }}{{ l.2 }}", "{{ [1,2,][0] }}{{ {'a':1,}.a }}", "{{ range(3) }}{{ range(1, 10, 3) | list }}{{ range(5)[-1] }}{{ range(3) | length }}{{ 2 in range(3) }}", "{{ range(200000) }}", "{{ range(9)[2:7:2] }}{{ range(4)[::-1] }}", "{{ range(1, 2, 0) }}", "{{ dict(a=1, **{'b': 2}) }}{{ dict([['x', 1]]) }}", "{{ 'a' in ['a'] }}{{ ('a', 'b') == ['a', 'b'] }}", "{{ yes == 1 }}{{ yes is sameas true }}{{ {1: 'x'}[true] }}",
        "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}{% set _ = c.reset() %}{{ c.current }}", "{% set j = joiner('; ') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}", "{{ raise_exception('no ' ~ n) }}", "{{ raise_exception() }}", "{{ strftime_now('%%') }}", "{{ s['upper']() }}{{ 'items' in d }}{{ {}['items'] is callable }}", "{{ d.__class__ }}|{{ s.__len__ }}|", "{{ d.__class__.x }}", "{{ l.append(1) }}", "{{ l.append }}|", "{{ d.update }}|{{ d.pop('a') }}", "{% set x = 'a' %}{{ x.join(['1', '2']) }}{{ x.join([1]) }}",
    ],
    "filters": [
        "{{ ' a ' | trim }}|{{ 'xaxx' | trim('x') }}", "{{ l | length }}{{ u | count }}{{ d | length }}{{ nope | length }}", "{{ n | length }}", "{{ l | join(', ') }}{{ users | join('-', attribute='name') }}{{ l | join }}{{ nope | join }}", "{{ u | upper }}{{ u | lower }}{{ s | title }}{{ 'hELLO wORLD-x (y' | title }}{{ s | capitalize }}{{ 'ΑΣ' | lower }}", "{{ s | replace('o', '0') }}{{ s | replace('o', '0', 1) }}{{ 'aaa' | replace('', '-') }}{{ n | replace(7, 8) }}", "{{ nope | default('x') }}{{ empty | default('x') }}{{ empty | default('x', true) }}{{ nothing | d('x') }}{{ nope | d }}|", "{{ l | first }}{{ l | last }}{{ [] | first }}|{{ s | first }}{{ s | last }}", "{{ [] | first + 1 }}", "{{ 'ab' | list }}{{ d | list }}{{ nope | list }}", "{{ n | list }}", "{{ 1.5 | string }}{{ nothing | string }}{{ nope | string }}|{{ l | string }}",
        "{{ '42' | int }}{{ ' 4_2 ' | int }}{{ '4.7' | int }}{{ 'x' | int }}{{ 'x' | int(5) }}{{ 3.9 | int }}{{ '0x1f' | int(base=16) }}{{ nothing | int }}{{ '-3' | int }}{{ yes | int }}", "{{ nope | int }}", "{{ '4.25' | float }}{{ 'x' | float }}{{ 3 | float }}{{ '1e3' | float }}{{ '.5' | float }}{{ '5.' | float }}{{ 'inf' | float }}{{ nothing | float(1.5) }}", "{{ -3 | abs }}{{ -2.5 | abs }}", "{{ s | abs }}", "{{ 2.5 | round }}{{ 3.5 | round }}{{ 2.675 | round(2) }}{{ 2.1 | round(method='ceil') }}{{ 2.9 | round(0, 'floor') }}{{ 1234.5 | round(-2) }}{{ 15 | round(-1) }}{{ 25 | round(-1) }}{{ 5 | round }}", "{{ 2.5 | round(1, 'x') }}",
        "{{ d | tojson }}", "{{ q | tojson }}{{ u | tojson }}{{ html | tojson }}", "{{ u | tojson(ensure_ascii=True) }}", "{{ d | tojson(indent=2) }}", "{{ d | tojson(indent=2, separators=(',', ':'), sort_keys=true) }}", "{{ d | tojson(separators=(',', ':')) }}", "{{ [] | tojson(indent=4) }}{{ {} | tojson(indent=4) }}{{ [[]] | tojson(indent=1) }}", "{{ (1, 2.0, none, true) | tojson }}{{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }}", "{{ nope | tojson }}", "{{ d.items() | tojson }}", "{{ d | tojson(indent='\\t') }}", "{{ 1e20 | tojson }}{{ 1.0 | tojson }}", "{{ d | tojson(2) }}", "{{ d | tojson(x=1) }}",
        "{{ users | map(attribute='name') | list }}{{ words | map('upper') | join(',') }}{{ words | map('replace', 'p', 'P') | list }}{{ users | map(attribute='zz', default='?') | list }}", "{{ users | map(attribute='name.0') | list }}", "{{ l | map('nope') | list }}", "{{ l | map | list }}", "{{ l | select('>', 1) | list }}{{ l | select('odd') | list }}{{ [0, 1, '', 'a', none] | select | list }}{{ l | reject('odd') | list }}", "{{ users | selectattr('on') | map(attribute='name') | list }}{{ users | selectattr('age', 'equalto', 30) | map(attribute='name') | list }}{{ users | rejectattr('on') | list | length }}{{ users | selectattr('on', 'defined') | list | length }}", "{{ l | select('nope') | list }}", "{{ l | map('string') | length }}", "{{ (l | select('odd'))[0] }}|", "{{ 'y' if l | select('>', 100) else 'n' }}", "{{ 'lazy' if n | items and n | batch(2) and n | map('nope') }}", "{{ l | select('odd') | reverse | last }}", "{{ [1, 2] | truncate(1) }}{{ nope | truncate }}", "{{ [('a', 1), ('b c', '&')] | urlencode }}", "{% set g = l | map('string') %}{{ g | join }}{{ g | join }}|", "{{ l | map('abs') | first }}{{ l | map('abs') | last }}",
        "{{ d | items | list }}{{ nope | items | list }}", "{{ l | items | list }}", "{{ d | dictsort }}{{ {'B': 1, 'a': 2} | dictsort }}{{ {'B': 1, 'a': 2} | dictsort(true) }}{{ {'B': 1, 'a': 2} | dictsort(by='value', reverse=true) }}", "{{ l | sort }}{{ words | sort }}{{ words | sort(case_sensitive=true) }}{{ l | sort(reverse=true) }}{{ users | sort(attribute='age,name') | map(attribute='name') | list }}", "{{ [1, 'a'] | sort }}", "{{ l | reverse | list }}{{ s | reverse }}", "{{ words | unique | list }}{{ words | unique(true) | list }}{{ [1, 1.0, true, 2] | unique | list }}", "{{ l | sum }}{{ users | sum(attribute='age') }}{{ l | sum(start=10) }}{{ [0.1, 0.2] | sum }}", "{{ l | min }}{{ l | max }}{{ words | min }}{{ users | max(attribute='age') }}{{ [] | max }}|", "{{ range(5) | batch(2) | list }}{{ range(5) | batch(2, 'x') | list }}{{ range(5) | slice(3) | list }}{{ range(5) | slice(3, 'x') | list }}", "{{ users | groupby('age') | list | length }}{% for a, us in users | groupby('age') %}{{ a }}:{{ us | length }};{% endfor %}",
        "{{ ml | indent }}|{{ ml | indent(2, true) }}|{{ ml | indent('>', blank=true) }}", "{{ n | indent }}", "{{ 'a b c d e f' | truncate(7, leeway=0) }}{{ 'abcdefghij' | truncate(7, true, leeway=0) }}{{ s | truncate(9) }}", "{{ 'a b, c_d' | wordcount }}{{ 'ab' | center(7) }}|", "{{ html | escape }}{{ html | e }}{{ html | safe }}{{ html | e | e }}{{ html | forceescape }}", "{{ ('<' | safe) + '<' }}{{ '<' + ('<' | e) }}{{ ('<' | safe) ~ '<' }}", "{{ '%s-%03d-%.2f-%r-%x' | format('a', 7, 1.005, 'q', 255) }}{{ '%(a)s' | format(a=1) }}", "{{ '%s %s' | format(1) }}", "{{ 'a b/ü?' | urlencode }}{{ {'a': 'b c', 'd': 1} | urlencode }}", "{{ 1000 | filesizeformat }}{{ 1 | filesizeformat }}{{ 123456789 | filesizeformat }}{{ 1048576 | filesizeformat(true) }}", "{{ d | attr('b') }}|{{ s | attr('upper') is callable }}", "{{ n | nope }}", "{% if false %}{{ n | nope }}{% endif %}ok", "{{ n | nope if false else 1 }}", "{% if yes %}{{ n | nope }}{% endif %}", "{{ s | upper(1) }}", "{{ s | trim(1) }}", "{{ nothing | upper }}{{ 1 | title }}",
    ],
    "tests": [
        "{{ n is defined }}{{ nope is defined }}{{ nope is undefined }}{{ d.zz is defined }}{{ nothing is none }}{{ nope is none }}", "{{ s is string }}{{ n is number }}{{ yes is number }}{{ f is float }}{{ n is integer }}{{ yes is integer }}{{ yes is boolean }}{{ yes is true }}{{ 1 is true }}{{ false is false }}", "{{ d is mapping }}{{ l is mapping }}{{ l is sequence }}{{ s is sequence }}{{ d is sequence }}{{ n is sequence }}{{ nope is sequence }}{{ l is iterable }}{{ nope is iterable }}{{ nothing is iterable }}{{ n is iterable }}{{ range is callable }}{{ s is callable }}{{ nope is callable }}", "{{ (l | map('abs')) is sequence }}{{ d.items() is sequence }}{{ range(2) is sequence }}", "{{ 3 is odd }}{{ 3 is even }}{{ 9 is divisibleby 3 }}{{ 9 is divisibleby(2) }}", "{{ 1 is eq 1 }}{{ 1 is ne 2 }}{{ 1 is lt 2 }}{{ 1 is le(1) }}{{ 2 is gt 1 }}{{ 2 is ge 3 }}{{ 1 is equalto(1) }}{{ 'a' is in ['a'] }}{{ 1 is in l }}", "{{ 'abc' is lower }}{{ 'ABC' is upper }}{{ 'a' is upper }}{{ '1' is lower }}", "{{ n is not none }}{{ not n is none }}{{ n is not string }}", "{{ none is sameas none }}{{ l is sameas l }}{{ [1] is sameas [1] }}{{ 1 is sameas true }}", "{{ 'upper' is filter }}{{ 'odd' is test }}{{ 'x' is filter }}", "{{ n is nope }}", "{{ n is odd is true }}", "{{ n is string or n is number }}{{ 'a' if n is odd else 'b' }}", "{{ nope is odd }}", "{{ s is odd }}", "{{ n is divisibleby }}", "{{ s is escaped }}{{ (s | e) is escaped }}",
    ],
    "methods": [
        "{{ ' a '.strip() }}|{{ 'xxaxx'.lstrip('x') }}|{{ 'xyaxy'.rstrip('xy') }}|{{ '\\u3000a\\u00a0'.strip() }}|", "{{ 'a,b,,c'.split(',') }}{{ ' a  b '.split() }}{{ 'a b c'.split(' ', 1) }}{{ 'a b c'.split(maxsplit=1) }}{{ 'a,b,c'.rsplit(',', 1) }}{{ ' a b  c '.rsplit(None, 1) }}{{ ' a b  c '.split(None, 1) }}{{ ''.split() }}{{ ''.split(',') }}", "{{ 'a'.split('') }}", "{{ 'a\\nb\\r\\nc\\n'.splitlines() }}{{ 'a\\n\\nb'.splitlines(true) }}", "{{ s.startswith('He') }}{{ s.startswith(('x', 'H')) }}{{ s.endswith('ld') }}{{ s.startswith('World', 6) }}{{ s.endswith('') }}", "{{ s.startswith(['H']) }}", "{{ s.find('o') }}{{ s.rfind('o') }}{{ s.find('z') }}{{ u.find('東') }}{{ s.index('W') }}{{ s.find('o', 5) }}{{ s.count('l') }}{{ 'aaa'.count('aa') }}{{ 'aaa'.rfind('aa') }}{{ 'ab'.count('') }}", "{{ s.index('z') }}", "{{ 'a'.find('', 3) }}{{ 'é'.startswith('', 2) }}{{ 'a'.count('', 2) }}{{ 'é'.find('', 1) }}", "{{ s.replace('l', 'L') }}{{ s.replace('l', 'L', 1) }}{{ 'ab'.replace('', '-') }}{{ s.replace('l', '') }}", "{{ s.title() }}{{ \"it's a\".title() }}{{ s.swapcase() }}{{ s.upper() }}{{ 'ß'.upper() }}{{ 'hELLO'.capitalize() }}{{ 'ǆ'.title() }}{{ 'AbC'.casefold() }}",
        "{{ ','.join(['a', 'b']) }}{{ ', '.join(d) }}{{ ''.join(words | map('upper')) }}", "{{ ','.join([1]) }}", "{{ 'a{}b{}'.format(1, 'x') }}{{ '{0}{1}{0}'.format(1, 2) }}{{ '{a} {b[0]} {c.b}'.format(a=1, b=[2], c=d) }}{{ '{:>5}|{:<5}|{:^5}|{:*^7}'.format('a', 'b', 'c', 'd') }}{{ '{:.2f} {:05d} {:,} {:x} {:+d} {:e} {:g} {:%}'.format(3.14159, 42, 1234567, 255, 5, 12345.678, 0.0001, 0.25) }}{{ '{{}} {!r}'.format('q') }}", "{{ '{}'.format() }}", "{{ '{'.format() }}", "{{ '%s and %d and %5.1f|%-5s|%05d|%+d|%%' % ('a', 3, 2.25, 'x', 42, 7) }}{{ '%s' % s }}{{ '%(b)s' % d }}{{ '%s' % nothing }}", "{{ '%d' % 'a' }}", "{{ '%s %s' % (1,) }}", "{{ '%s' % (1, 2) }}",
        "{{ 'prefix-x'.removeprefix('prefix-') }}{{ 'x.txt'.removesuffix('.txt') }}{{ 'x'.removeprefix('y') }}", "{{ 'a-b-c'.partition('-') }}{{ 'a-b-c'.rpartition('-') }}{{ 'a'.partition('-') }}", "{{ 'ab'.center(5) }}|{{ 'ab'.center(5, '*') }}|{{ 'abc'.center(6) }}|{{ 'a'.ljust(3) }}|{{ 'a'.rjust(3, '.') }}|{{ '7'.zfill(3) }}{{ '-7'.zfill(4) }}|{{ 'a\\tb'.expandtabs(4) }}", "{{ '12'.isdigit() }}{{ 'a1'.isalnum() }}{{ 'ab'.isalpha() }}{{ '²'.isdigit() }}{{ '²'.isdecimal() }}{{ '½'.isnumeric() }}{{ ' '.isspace() }}{{ 'A'.isupper() }}{{ 'a'.islower() }}{{ 'Ab Cd'.istitle() }}{{ 'a'.isascii() }}{{ 'a b'.isidentifier() }}{{ ''.isdigit() }}{{ 'a\\n'.isprintable() }}",
        "{{ d.keys() }}{{ d.values() | list }}{{ d.items() }}{{ d.get('b') }}{{ d.get('z') }}{{ d.get('z', 5) }}{{ 'b' in d.keys() }}{{ d.keys() | list }}{{ d.copy().b }}", "{{ d.get() }}", "{{ d.keys()[0] }}|", "{{ l.index(1) }}{{ l.count(3) }}{{ (1, 2, 1).count(1) }}{{ (1, 2).index(2) }}{{ l.copy() }}", "{{ l.index(9) }}", "{{ l.pop() }}", "{{ s.nope() }}",
    ],
    "representation": [
        "{{ [q, u, \"a'b\", 'a\"b', '\\u00a0\\u200b\\x7f'] }}", "{{ {'k': 'it\\'s', 'e': 'é', 'm': none} }}", "{{ [1.0, 1e100, -0.5, 1e-7, 100000.0, 12345678901234567.0] }}", "{{ [true, none, nope] }}", "{{ d }}", "{{ users }}", "{{ ((1,), [()]) }}", "{{ [range(2), d.keys()] }}", "{{ ['<' | e] }}", "{{ l | map('abs') | list | string | length }}",
    ],
}

MESSAGES = [{"role": "user", "content": "hi"}]


def attempt(make):
    try:
        return {"text": make()}
    except Exception as error:  # what fails there must fail here
        return {"error": str(error)}


def features():
    for feature, snippets in FEATURES.items():
        for snippet in snippets:
            result = attempt(
                lambda: TOKENIZER.apply_chat_template(MESSAGES, chat_template=snippet, tokenize=False, **VARIABLES))
            yield {"feature": feature, "template": snippet, **result}


CHAT = """{{ bos_token }}{% if tools %}{{ tools | tojson }}
{% endif %}
{%- for m in messages %}
<{{ m.role }}>{% if m.content is string %}{{ m.content | trim if trims else m.content }}{% else %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endif %}
{%- if m.reasoning_content %}[{{ m.reasoning_content }}|{{ m.thinking }}]{% endif %}
{%- if m.tool_calls is defined %}{{ m.tool_calls | tojson }}{% endif %}</{{ m.role }}>
{% endfor %}
{%- if add_generation_prompt %}<assistant>{% if thinks %}<think>
{% endif %}{% endif %}"""


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


CONVERSATIONS = [
    {"messages": [user("a"), assistant("b", tool_calls=None), user(None) | {"content": "é"}], "add_generation_prompt": True},
    {"messages": [user("a"), {"role": "assistant", "content": None}]},
    {"messages": [user("a"), assistant("b", reasoning="r")]},
    {"messages": [user("a"), assistant("b", thinking="t", reasoning_content="r")]},
    {"messages": [user([{"type": "text", "text": "part"}])], "tools": [{"type": "function"}]},
    {"messages": [user("a"), assistant(" b ")], "continue_final_message": True},
    {"messages": [user("a"), assistant(" b ")], "continue_final_message": True, "trims": True},
    {"messages": [user("a"), assistant([{"type": "text", "text": "x"}])], "continue_final_message": True},
    {"messages": [user("a"), assistant("b", reasoning="r")], "continue_final_message": "reasoning"},
    {"messages": [user("a"), {"role": "assistant"}], "continue_final_message": True},
    {"messages": [user("a")], "continue_final_message": True, "add_generation_prompt": True},
    {"messages": [user("a")], "bos_token": "<B>"}, {"messages": []}, {"messages": [user("a")], "documents": ["x"]},
    {"messages": [user("a")], "tools": ["x"]},
]

PREFERENCES = [
    {"prompt": [user("q")], "chosen": [assistant("yes")], "rejected": [assistant("no")]},
    {"prompt": [user("q")], "chosen": [assistant("same start 1")], "rejected": [assistant("same start 2")], "kwargs": {"thinks": True}},
    {"prompt": [user("q"), assistant("I")], "chosen": [assistant(" think")], "rejected": [assistant(" don't")]},
    {"prompt": [user("q"), assistant("I ")], "chosen": [assistant("think"), user("b"), assistant("c")], "rejected": [assistant("don't")]},
    {"prompt": [user("q")], "chosen": [assistant("a"), user("b"), assistant("c")], "rejected": [assistant("d")], "tools": [{"n": 1}]},
    {"prompt": [user("q")], "chosen": [assistant("a")], "rejected": [assistant("b")], "tools": []},
    {"chosen": [user("q"), assistant("yes")], "rejected": [user("q"), assistant("no")]},
    {"chosen": [user("q"), assistant("x"), user("r"), assistant("y")], "rejected": [user("q"), assistant("x"), user("r"), assistant("z")]},
    {"chosen": [user("q"), assistant("same")], "rejected": [user("q"), assistant("same")]},
    {"chosen": [user("q"), assistant("a"), user("b")], "rejected": [user("q"), assistant("a")]},
    {"prompt": "q", "chosen": [user("q"), assistant("yes")], "rejected": [user("q"), assistant("no")]},
    {"chosen": [user("p"), assistant("yes")], "rejected": [user("q"), assistant("no")]},
    {"prompt": [{"role": "system", "content": "s"}], "chosen": [assistant("a")], "rejected": [assistant("b")]},
    {"prompt": [], "chosen": [assistant("a")], "rejected": [assistant("b")]},
    {"prompt": [user("q")], "chosen": [assistant("é")], "rejected": [assistant("è")]},
]


def continued(row):
    """Texts of a row whose prompt ends in an assistant's message: TRL begins a new one, so this is transformers' meaning
    of `continue_final_message`, the first message of each response being the rest of that one."""
    *before, last = row["prompt"]
    prompt = TOKENIZER.apply_chat_template(row["prompt"], tokenize=False, continue_final_message=True)
    wholes = []
    for first, *rest in (row["chosen"], row["rejected"]):
        merged = {**last, **first, "content": last["content"] + first["content"]}
        wholes.append(TOKENIZER.apply_chat_template(before + [merged] + rest, tokenize=False))
    prompt = os.path.commonprefix([prompt, *wholes])
    return [prompt] + [whole[len(prompt):] for whole in wholes]


def preferences():
    TOKENIZER.chat_template = CHAT
    for row in PREFERENCES:
        example = {name: row[name] for name in ("prompt", "chosen", "rejected") if name in row}
        if "kwargs" in row:
            example["chat_template_kwargs"] = row["kwargs"]

        def texts():
            if isinstance(row.get("prompt"), list) and row["prompt"] and row["prompt"][-1]["role"] == "assistant":
                return continued(row)
            whole = {**example, **maybe_extract_prompt(example)}
            texts = apply_chat_template(whole, TOKENIZER, tools=row.get("tools"))
            return [texts["prompt"], texts["chosen"], texts["rejected"]]

        result = attempt(texts)
        yield {"row": row, "texts": result.get("text"), "error": result.get("error")}


def conversations():
    for row in CONVERSATIONS:
        given = {name: value for name, value in row.items() if name != "messages"}
        result = attempt(
            lambda: TOKENIZER.apply_chat_template(row["messages"], chat_template=CHAT, tokenize=False, **given))
        yield {"row": row, **result}


# What the assistant says is marked; the same without the marks must give the same turns.
MARKED = """{% for m in messages %}<{{ m.role }}>
{% if m.role == 'assistant' %}{% generation %}{{ m.content | trim }}{% if m.tool_calls is defined %}{{ m.tool_calls | tojson }}{% endif %}[end]{{ '\\n' }}{% endgeneration %}{% else %}{{ m.content }}[end]
{% endif %}{% endfor %}
{%- if add_generation_prompt %}<assistant>
{% endif %}"""

TURNS = [
    [user("q"), assistant("a")], [user("q"), assistant("a"), user("r"), assistant(" é b ")],
    [{"role": "system", "content": "s"}, user("q"), assistant("", tool_calls=[{"n": 1}]),
     {"role": "tool", "content": "1"}, assistant("one"), user("r"), assistant("b")],
    [user("q"), assistant("a"), assistant("a"), user("q"), assistant("a")],
    [user("ü"), assistant("a"), user("r")],
]


def turns():
    """Where transformers' `{% generation %}` stands, in UTF-8 bytes."""
    for messages in TURNS:
        texts, places = render_jinja_template([messages], chat_template=MARKED, return_assistant_tokens_mask=True)
        byte = lambda place: len(texts[0][:place].encode())
        yield {"messages": messages, "text": texts[0], "turns": [[byte(a), byte(b)] for a, b in places[0]]}


def shared():
    """Digests of TRL's texts of real rows, which stay where they are."""
    folder = pathlib.Path(__file__).parents[3] / "shared" / "data"
    config = json.loads((folder / "tokenizers/minimind/tokenizer_config.json").read_text())
    TOKENIZER.chat_template = config["chat_template"]
    digests = {}
    for name in ("conversational_dpo_en", "conversational_implicit_prompt_60"):
        digest = hashlib.sha256()
        for line in gzip.open(folder / f"preferences/{name}.jsonl.gz", "rt", encoding="utf-8"):
            row = json.loads(line)
            row = {name: row[name] for name in ("prompt", "chosen", "rejected") if name in row}
            texts = apply_chat_template({**row, **maybe_extract_prompt(row)}, TOKENIZER)
            for part in ("prompt", "chosen", "rejected"):
                digest.update(texts[part].encode() + b"\0")
        digests[name] = digest.hexdigest()
    return digests


def write(name, rows):
    with open(FIXTURES / name, "w", encoding="utf-8") as file:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False), file=file)


(FIXTURES / "chat-template.jinja").write_text(CHAT, encoding="utf-8")
(FIXTURES / "chat-variables.json").write_text(json.dumps(VARIABLES, ensure_ascii=False), encoding="utf-8")
write("chat-features.jsonl", features())
write("chat-conversations.jsonl", conversations())
write("chat-preferences.jsonl", preferences())
(FIXTURES / "chat-marked.jinja").write_text(MARKED, encoding="utf-8")
write("chat-turns.jsonl", turns())
(FIXTURES / "chat-shared.json").write_text(json.dumps(shared()), encoding="utf-8")
