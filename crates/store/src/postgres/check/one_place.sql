SELECT tasks.id, 'it is ' || tasks.state || ' in tasks and ' || history.state || ' in history'
FROM tasks JOIN history ON history.id = tasks.id
