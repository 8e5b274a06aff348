import ChatTemplates
import Storage
import Testing

@Suite("A hostile chat template ends in an error", .serialized)
struct ChatTemplateLimitTests {
    @Test(
        "endless loops, huge texts, exponential macros and deep nesting are refused within a second",
        arguments: [
            "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
            "{{ 'a' * 10**9 }}", "{{ [0] * 10**9 }}", "{{ 10**10**10 }}", "{{ 'a'.center(10**9) }}",
            "{{ '%1000000000d' % 1 }}", "{{ '{:1000000000}'.format(1) }}", "{{ 'a' * 15000000 }}{{ 'a' * 15000000 }}",
            "{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
            "{% set n = namespace(x=[]) %}{% for i in range(99999) %}{% set n.x = [n.x] %}{% endfor %}",
            "{% set n = namespace(x=()) %}{% for i in range(99) %}{% set n.x = (n.x, n.x) %}{% endfor %}{{ n.x }}",
            "{% set n = namespace(x=()) %}{% for i in range(99) %}{% set n.x = (n.x, n.x) %}{% endfor %}{{ {n.x: 1} }}",
            "{% set n = namespace(x={}) %}{% for i in range(99) %}{% set n.x = {'a': n.x, 'b': n.x} %}{% endfor %}"
                + "{{ n.x | tojson }}",
            "{% set n = namespace() %}{% set n.a = n %}{{ n }}",
            "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
            "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
            "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
            "{% set s = 'ab' * 1000000 %}{% for i in range(100000) %}{{ s in s }}{% endfor %}",
            "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% set t = s.isalpha() %}{% endfor %}",
            "{% set l = range(100000) | list %}{% for i in range(100000) %}{% set t = l | sort %}{% endfor %}",
            "{% set n = namespace(g=[1]) %}{% for i in range(99999) %}{% set n.g = n.g | map('abs') %}{% endfor %}",
            "{% set n = namespace(g=1) %}{% for i in range(99999) %}{% set n.g = cycler(n.g) %}{% endfor %}",
            "{{ " + String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000) + " }}",
            "{{ " + String(repeating: "not ", count: 50_000) + "1 }}",
            "{{ " + String(repeating: "1 + ", count: 50_000) + "1 }}",
            "{{ 1" + String(repeating: " | abs", count: 50_000) + " }}",
            String(repeating: "{% if 1 %}", count: 5000) + String(repeating: "{% endif %}", count: 5000),
        ])
    func refused(source: String) {
        let start = ContinuousClock.now
        #expect(throws: ChatTemplateError.self) {
            try ChatTemplate(source: source).render(messages: [["role": "user", "content": "hi"]])
        }
        // Ten times the processor time that it takes: the machine may be busy.
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test(
        "chains of values that hold each other are let go without exhausting the stack",
        arguments: [
            "{% set n = namespace(c=namespace()) %}{% for i in range(90000) %}{% set t = n.c %}"
                + "{% set t.n = namespace() %}{% set n.c = t.n %}{% endfor %}ok",
            "{% set n = namespace(x=1) %}{% for i in range(90000) %}{% for a in [n.x] %}{% set n.x = loop %}{% endfor %}"
                + "{% endfor %}ok",
            "{% set n = namespace(x=1) %}{% for i in range(90000) %}{% set y = n.x %}{% macro m() %}{{ y }}{% endmacro %}"
                + "{% set n.x = m %}{% endfor %}ok",
        ])
    func released(source: String) throws {
        let text = try ChatTemplate(source: source).render(messages: [["role": "user", "content": "hi"]])
        #expect(text == "ok")
    }
}
