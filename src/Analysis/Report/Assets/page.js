'use strict';
// Puts a chart that can be asked in the place of each drawn one when it comes near the screen, again when the width or the light changes,
// and all of them for a printer.
(function () {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const figures = [...document.querySelectorAll('figure.chart')].map(element => ({
    plot: element.querySelector('.plot'),
    kind: element.dataset.kind,
    data: JSON.parse(element.querySelector('script').textContent),
    drawn: null,
  }));

  function draw(figure, theme) {
    const { option, height } = report.charts[figure.kind](figure.data, theme, figure.plot.clientWidth);
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

  let width = window.innerWidth;
  let pending = 0;
  window.addEventListener('resize', () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    clearTimeout(pending);
    pending = setTimeout(() => again(here()), 150);
  });
  dark.addEventListener('change', () => again(here()));
  window.addEventListener('beforeprint', () => figures.forEach(f => draw(f, report.theme(false))));
  window.addEventListener('afterprint', () => again(here()));
})();
