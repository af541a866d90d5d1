'use strict';
// Puts a chart that can be asked in the place of each drawn one when it comes near the screen, again when the width or the light changes,
// and all of them for a printer; says which tables are wider than the screen.
(function () {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const figures = [...document.querySelectorAll('figure.chart')].map(element => ({
    plot: element.querySelector('.plot'),
    kind: element.dataset.kind,
    data: JSON.parse(element.querySelector('script').textContent),
    drawn: null,
  }));

  // Paper has no arrows to leaf through a legend with: it stands there in rows, and takes their height.
  function inRows(option, width) {
    const { legend } = option;
    if (!legend.show || legend.type !== 'scroll') return 0;
    legend.type = 'plain';
    const ruler = document.createElement('canvas').getContext('2d');
    ruler.font = `${legend.textStyle.fontSize}px ${option.textStyle.fontFamily}`;
    let rows = 1;
    let left = 0;
    for (const name of legend.data) {
      const item = 42 + ruler.measureText(name).width;
      if (left > 0 && left + item > width) {
        rows++;
        left = 0;
      }
      left += item;
    }
    const more = (rows - 1) * 24;
    option.grid.top += more;
    return more;
  }

  function draw(figure, theme, paper) {
    const chart = report.charts[figure.kind](figure.data, theme, figure.plot.clientWidth);
    const { option } = chart;
    const height = chart.height + (paper ? inRows(option, figure.plot.clientWidth) : 0);
    figure.plot.style.height = height + 'px';
    if (!figure.drawn) {
      figure.plot.textContent = '';
      figure.drawn = echarts.init(figure.plot, null, { renderer: 'canvas', devicePixelRatio: Math.max(2, window.devicePixelRatio || 1) });
    } else {
      figure.drawn.resize();
    }
    figure.drawn.setOption(option, true);
  }

  const here = () => report.theme(dark.matches);
  const again = theme => figures.filter(f => f.drawn).forEach(f => draw(f, theme));
  const near = new IntersectionObserver(entries => {
    for (const entry of entries) {
      const figure = figures.find(f => f.plot === entry.target);
      if (entry.isIntersecting && !figure.drawn) draw(figure, here());
    }
  }, { rootMargin: '600px' });
  figures.forEach(f => near.observe(f.plot));

  // The hint that a table goes on stands only where it does.
  const fit = () => document.querySelectorAll('.scroll.wide').forEach(box => box.classList.toggle('fits', box.scrollWidth <= box.clientWidth));
  fit();
  document.addEventListener('toggle', fit, true);

  let width = window.innerWidth;
  let pending = 0;
  window.addEventListener('resize', () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    fit();
    clearTimeout(pending);
    pending = setTimeout(() => again(here()), 150);
  });
  dark.addEventListener('change', () => again(here()));
  window.addEventListener('beforeprint', () => figures.forEach(f => draw(f, report.theme(false), true)));
  window.addEventListener('afterprint', () => again(here()));
})();
