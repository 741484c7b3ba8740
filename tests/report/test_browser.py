"""The page of a report in a real browser."""

import shutil
from importlib import resources

import pytest

from dropout_lab.report.content import content
from dropout_lab.report.fallback import figure
from dropout_lab.report.page import page

pytestmark = pytest.mark.slow
HOW = "needs a browser: apt-get install chromium chromium-driver, and pip install selenium"
ROWS = "return [...document.querySelectorAll('#trials tbody tr')].filter(row => !row.hidden)"


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason=HOW)
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip(HOW)
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    resize(opened, 1280, 1400)
    yield opened
    opened.quit()


@pytest.fixture(scope="module")
def path(sweep, tmp_path_factory):
    made = content([sweep.directory]) | {"live": False}
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(page(made, figure([sweep.directory])))
    return file


@pytest.fixture
def opened(browser, path):
    browser.get(path.as_uri())
    browser.execute_script(
        "sessionStorage.clear(); state.search = ''; removeEventListener('pagehide', save)"
    )
    browser.refresh()
    yield browser
    assert browser.get_log("browser") == []


def resize(browser, width, height):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def prefer(browser, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def cells(browser, column):
    return browser.execute_script(f"{ROWS}.map(row => row.cells[{column}].textContent)")


def click(browser, selector):
    browser.execute_script("document.querySelector(arguments[0]).click()", selector)


def test_a_click_on_a_title_sorts_and_a_second_one_turns_the_order(opened):
    head = "th[data-column*=test_error] button"
    click(opened, head)
    up = [float(text) for text in cells(opened, 4) if text != "–"]
    assert up == sorted(up)
    assert len(set(up)) > 3
    assert cells(opened, 4)[-3:] == ["–"] * 3
    click(opened, head)
    down = [float(text) for text in cells(opened, 4) if text != "–"]
    assert down == up[::-1]
    sorting = "return document.querySelector('th[data-column*=test_error]').ariaSort"
    assert opened.execute_script(sorting) == "descending"


def test_a_filter_and_a_search_leave_the_trials_that_fit(opened):
    opened.execute_script(
        "const select = document.querySelector('select[data-filter=\"dropout.rate\"]');"
        "select.value = '0.5'; select.dispatchEvent(new Event('change'))"
    )
    assert set(cells(opened, 2)) == {"0.5"}
    search = opened.find_element("id", "search")
    search.send_keys("gaussian")
    assert cells(opened, 1) == ["gaussian_dropout"] * 4
    assert opened.find_element("id", "count").text == "4 of 28 trials"
    points = "return document.getElementById('values').data.map(trace => trace.name)"
    assert set(opened.execute_script(points)) == {"gaussian_dropout"}


def test_charts_show_means_and_answer_to_the_pointer(opened):
    trace = "return document.getElementById('values').data.find(each => each.name === 'dropout')"
    drawn = opened.execute_script(trace)
    assert drawn["x"] == [0.1, 0.3, 0.5]
    opened.execute_script("Plotly.Fx.hover('values', [{curveNumber: 2, pointNumber: 1}])")
    text = opened.execute_script("return document.querySelector('#values .hoverlayer').textContent")
    assert "±" in text


def test_ticked_trials_have_curves(opened):
    assert not opened.find_element("id", "curves").is_displayed()
    for number in (1, 5):
        click(opened, f"#trials tbody tr:nth-child({number}) input")
    assert opened.find_element("id", "curves").is_displayed()
    lengths = opened.execute_script(
        "return document.getElementById('curves').data.map(trace => trace.y.length)"
    )
    assert lengths == [60, 60]


def test_what_is_chosen_survives_a_reload(opened):
    opened.find_element("id", "search").send_keys("gaussian")
    opened.execute_script("save()")
    opened.refresh()
    assert set(cells(opened, 1)) == {"gaussian_dropout"}


def test_it_is_dark_where_the_system_is_and_the_button_turns_it(opened):
    ground = "return getComputedStyle(document.body).backgroundColor"
    prefer(opened, "dark")
    opened.refresh()
    assert opened.execute_script(ground) == "rgb(18, 22, 27)"
    click(opened, "#theme")
    assert opened.execute_script(ground) == "rgb(255, 255, 255)"
    prefer(opened, "light")


def test_a_phone_scrolls_down_only(opened):
    resize(opened, 390, 844)
    opened.refresh()
    assert opened.execute_script("return document.documentElement.scrollWidth") == 390
    resize(opened, 1280, 1400)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(opened, scheme):
    package = pytest.importorskip("axe_core_python", reason="needs axe-core-python")
    prefer(opened, scheme)
    opened.refresh()
    for details in opened.find_elements("tag name", "summary"):
        details.click()
    opened.execute_script(resources.files(package).joinpath("axe.min.js").read_text())
    found = opened.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    prefer(opened, "light")
    assert [(each["id"], each["nodes"][0]["target"]) for each in found["violations"]] == []


def test_nothing_is_loaded_from_elsewhere(opened):
    names = opened.execute_script(
        "return performance.getEntriesByType('resource').map(e => e.name)"
    )
    assert [name for name in names if not name.startswith(("data:", "blob:"))] == []


def test_without_scripts_there_is_a_figure_and_a_table(opened, path):
    opened.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    opened.get(path.as_uri())
    assert opened.find_element("css selector", "noscript svg").is_displayed()
    assert len(opened.find_elements("css selector", "#trials tbody tr")) == 28
    opened.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
