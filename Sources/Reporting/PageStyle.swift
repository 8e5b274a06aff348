/// The style sheet and the script of a page.
enum PageStyle {
    static let css = """
        :root{color-scheme:light dark;--paper:#fff;--ink:#1f2328;--pale:#59636e;--line:#d8dde3;--soft:#f5f7f9;
        --link:#0b62a8;--good:137,196,150;--bad:235,150,120;--warn:#8a5a00;--warnpaper:#fff6e0}
        @media screen and (prefers-color-scheme:dark){:root{--paper:#15191f;--ink:#e6edf3;--pale:#9aa4af;--line:#30363d;
        --soft:#1c2128;--link:#6cb6ff;--good:46,130,70;--bad:170,80,50;--warn:#e3b341;--warnpaper:#2a2415}}
        *{box-sizing:border-box}
        body{margin:0 auto;max-width:1400px;padding:16px;background:var(--paper);color:var(--ink);
        font:16px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;overflow-wrap:break-word}
        h1{font-size:1.5rem;margin:.2em 0}h2{font-size:1.2rem;margin:1.6em 0 .5em;border-bottom:1px solid var(--line)}
        h3{font-size:1rem;margin:1.2em 0 .4em}p{margin:.5em 0;max-width:75ch}
        a{color:var(--link)}nav{display:flex;flex-wrap:wrap;gap:4px 16px;margin:12px 0;font-size:.95rem}
        .verdict{font-size:1.15rem}.pale{color:var(--pale)}
        .warnings{background:var(--warnpaper);border-left:4px solid var(--warn);padding:8px 12px 8px 28px;margin:.6em 0;max-width:80ch}
        .figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,370px),1fr));gap:16px}
        figure{margin:0;border:1px solid var(--line);border-radius:6px;padding:6px;background:var(--paper);min-width:0}
        figure svg,figure img{display:block;width:100%;height:auto}figure.wide{overflow-x:auto}figure.wide svg,figure.wide img{min-width:520px;max-width:900px}
        figcaption{font-size:.85rem;text-align:right;color:var(--pale)}
        button{font:inherit;color:var(--link);background:none;border:0;padding:2px 6px;cursor:pointer;text-decoration:underline}
        figcaption a{padding:2px 6px}
        .scroll{overflow-x:auto;margin:.6em 0}table{border-collapse:collapse;font-size:.92rem}
        caption{text-align:left;color:var(--pale);padding:2px 0}th,td{padding:4px 12px 4px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
        th{font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        td{max-width:60ch}details{border:1px solid var(--line);border-radius:6px;padding:6px 10px;margin:.5em 0}
        summary{cursor:pointer}pre,.text{white-space:pre-wrap;overflow-wrap:anywhere;font:.9rem/1.6 ui-monospace,"DejaVu Sans Mono",monospace;margin:.3em 0}
        .bar{display:inline-block;height:.8em;background:var(--link);border-radius:2px;vertical-align:baseline;min-width:1px}
        .token{border-radius:2px}.key{font-size:.88rem;color:var(--pale)}
        :focus-visible{outline:2px solid var(--link);outline-offset:2px}
        @media print{body{max-width:none;padding:0;font-size:11pt}nav,button,figcaption{display:none}
        figure,tr,details{break-inside:avoid}h2{break-after:avoid}.scroll{overflow:visible}}
        """

    /// Saves a figure as a file of its own; without it the page is the same but for its buttons.
    static let script = """
        document.addEventListener("click",function(e){var b=e.target.closest("button[data-svg]");if(!b)return;
        var s=b.closest("figure").querySelector("svg");if(!s)return;
        var u=URL.createObjectURL(new Blob([s.outerHTML],{type:"image/svg+xml"})),a=document.createElement("a");
        a.href=u;a.download=b.dataset.svg;a.click();setTimeout(function(){URL.revokeObjectURL(u)},1000)});
        """
}
